"""The forms that need no board: complete, sound for their ecosystems, and right where they run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from jinja2 import meta

from mcu_slm import resources, templating, tflite
from mcu_slm.compile import compile_model
from mcu_slm.errors import UsageError
from mcu_slm.files import sha256_file
from mcu_slm.firmware import FORMS, generate_form
from mcu_slm.firmware.forms import Form, templates_of
from mcu_slm.ops import parse_graph, reference
from mcu_slm.rows import pack, unpack
from mcu_slm.verify.inputs import graph_windows
from tests.models import every_operator, tiny

STUBS = Path(__file__).parent / "stubs"
TEMPLATES = sorted({(form, name) for form in FORMS for name in templates_of(form).values()})
CATEGORIES = (
    *("Display", "Communication", "Signal Input/Output", "Sensors", "Device Control"),
    *("Timing", "Data Storage", "Data Processing", "Other"),
)
ARM = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft")


def needs(*tools: str) -> pytest.MarkDecorator:
    missing = [tool for tool in tools if not shutil.which(tool)]
    return pytest.mark.skipif(
        bool(missing), reason=f"not run: {', '.join(missing)} is not installed"
    )


def run(*command: object, folder: Path) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory):
    """Two compiled models with known answers."""
    made = {}
    for name, graph in (("tiny", tiny()), ("every", every_operator(("a", "b", "c")))):
        folder = tmp_path_factory.mktemp(name)
        compile_model(graph, tflite.write_model(graph), folder)
        known = graph_windows(graph, 3, 1)[:3].reshape(3, -1)
        values = reference.run(graph, parse_graph(graph), unpack(graph, graph.inputs, known))
        outputs = pack(graph, graph.outputs, [values[t] for t in graph.outputs])
        made[name] = (folder, known, outputs.astype(np.int8))
    return made


@pytest.fixture
def make_form(models, tmp_path: Path):
    def make(form: str, model: str = "tiny", out: Path | None = None, **changes) -> Path:
        folder, known, outputs = models[model]
        out = out or tmp_path / "demo-model"
        generate_form(folder, form, known, outputs, out, "demo-model", **changes)
        return out

    return make


def expected_line(models, model: str) -> str:
    return "output: " + " ".join(map(str, models[model][2][0].tolist()))


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.unit
@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_complete_listed_and_repeatable(make_form, form: str, tmp_path: Path) -> None:
    first = contents(make_form(form))
    assert first == contents(make_form(form, out=tmp_path / "other" / "place"))
    assert {"README.md", "LICENSE", "NOTICE", "sbom.spdx.json", "src/model.c"} <= set(first)
    assert {"src/self_test.c", "src/known_answers.c", "src/manifest.json"} <= set(first)
    record = json.loads(first["mcu_slm.json"])
    assert set(record["tool_files"]) == set(first) - {"mcu_slm.json"}
    for path, content in first.items():
        text = content.decode()
        assert "%%" not in text, path
        assert "[[" not in text.replace("[[:", ""), path
        assert text.endswith("\n"), path
        assert not text.endswith("\n\n"), path
        assert str(tmp_path) not in text, path
    names = [path.rpartition("/")[2] for path in first]
    assert names.count("mcu_slm_model.h") == 1


@pytest.mark.unit
@pytest.mark.parametrize(("form", "template"), TEMPLATES)
def test_templates_name_fields_of_their_dataclass(form: str, template: str) -> None:
    environment = templating.environment()
    source, _, _ = environment.loader.get_source(environment, template)
    used = meta.find_undeclared_variables(environment.parse(source))
    assert used <= set(Form.__dataclass_fields__)


@pytest.mark.unit
def test_all_templates_of_forms_are_seen() -> None:
    root = resources.folder("firmware_templates")
    on_disk = {p.relative_to(root).as_posix() for p in (root / "forms").rglob("*") if p.is_file()}
    included = {"forms/shared/using.md.j2", "forms/shared/target.cmake.j2"}
    seen = {name for _, name in TEMPLATES if name.startswith("forms/")}
    assert seen | included == on_disk
    assert len(seen) > 20


@pytest.mark.unit
def test_edits_in_a_form_are_kept_unless_forced(make_form) -> None:
    out = make_form("cmake")
    (out / "build").mkdir()
    (out / "build" / "mine.txt").write_text("mine")
    (out / "README.md").write_text("mine\n")
    before = contents(out)
    with pytest.raises(UsageError, match=r"generated files were edited: README\.md") as raised:
        make_form("cmake", "every")
    assert "+mine" in raised.value.values["diff"]
    assert contents(out) == before
    make_form("cmake", "every", force=True)
    assert (out / "README.md").read_text() != "mine\n"
    assert (out / "build" / "mine.txt").is_file()
    make_form("cmake")
    assert not (out / "src" / "lstm_s8.c").exists()


@pytest.mark.unit
def test_wrong_requests_are_usage_errors(make_form) -> None:
    with pytest.raises(UsageError, match="one of project, library, cmake, "):
        make_form("makefile")
    out = make_form("library")
    with pytest.raises(UsageError, match="it holds the form library"):
        make_form("zephyr")
    (out / "mcu_slm.json").write_text("[]")
    with pytest.raises(UsageError, match="damaged"):
        make_form("library")


# --- Built as far as the tools are here -----------------------------------------------------------


@pytest.mark.host
@needs("make", "cc")
def test_library_builds_and_runs_with_make(make_form, models) -> None:
    out = make_form("library", "every")
    shown = run("make", "-C", "example", "run", folder=out)
    assert "self-test passed: 3 known answers" in shown
    assert expected_line(models, "every") in shown


@pytest.mark.host
@needs("cc")
@pytest.mark.parametrize(
    "flags",
    ["-O0", "-O3 -march=native -flto", "-Os -funsigned-char -fshort-enums", "-std=gnu17 -fwrapv"],
)
def test_any_flags_give_the_same_bytes(make_form, models, flags: str, tmp_path: Path) -> None:
    out = make_form("library", "every")
    sources = sorted((out / "src").glob("*.c"))
    binary = tmp_path / "example"
    run("cc", *flags.split(), "-Isrc", *sources, "example/main.c", "-o", binary, folder=out)
    shown = run(binary, folder=out)
    assert "self-test passed" in shown
    assert expected_line(models, "every") in shown


@pytest.mark.host
@needs("cc")
def test_a_wrong_answer_fails_the_self_test(make_form, tmp_path: Path) -> None:
    out = make_form("library")
    weights = out / "src" / "model_weights.c"
    weights.write_text(weights.read_text().replace("-50,", "90,"))
    binary = tmp_path / "example"
    run(
        "cc",
        "-Isrc",
        *sorted((out / "src").glob("*.c")),
        "example/main.c",
        "-o",
        binary,
        folder=out,
    )
    done = subprocess.run([binary], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "self-test failed: vector " in done.stdout


@pytest.mark.emulator
@needs("make", "arm-none-eabi-gcc", "arm-none-eabi-ar")
def test_library_builds_for_arm(make_form) -> None:
    out = make_form("library", "every")
    flags = f"-O2 {' '.join(ARM)} -ffreestanding -I{STUBS / 'freestanding'} -Wall -Wextra -Werror"
    tools = ("CC=arm-none-eabi-gcc", "AR=arm-none-eabi-ar", f"CFLAGS={flags}")
    run("make", "-C", "example", "library", *tools, folder=out)
    assert (out / "example" / "build" / "libmodel.a").stat().st_size > 10_000


@pytest.mark.host
@needs("cmake", "cc")
@pytest.mark.parametrize("build_type", ["Debug", "Release"])
def test_cmake_builds_tests_and_runs(make_form, models, build_type: str) -> None:
    out = make_form("cmake")
    run("cmake", "-B", "build", f"-DCMAKE_BUILD_TYPE={build_type}", folder=out)
    run("cmake", "--build", "build", folder=out)
    assert "100% tests passed" in run("ctest", "--test-dir", "build", folder=out)
    assert expected_line(models, "tiny") in run("build/example", folder=out)


def toolchain_file(folder: Path) -> Path:
    path = folder / "arm.cmake"
    path.write_text(
        "set(CMAKE_SYSTEM_NAME Generic)\nset(CMAKE_SYSTEM_PROCESSOR arm)\n"
        "set(CMAKE_C_COMPILER arm-none-eabi-gcc)\n"
        "set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)\n"
        f'set(CMAKE_C_FLAGS_INIT "{" ".join(ARM)} -ffreestanding -I{STUBS / "freestanding"}")\n'
        'set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostdlib -Wl,-e,main -lgcc")\n'
        "link_libraries(gcc)\n"
    )
    return path


@pytest.mark.emulator
@needs("cmake", "arm-none-eabi-gcc")
@pytest.mark.parametrize("way", ["add_subdirectory", "FetchContent"])
def test_cmake_joins_a_project_for_arm(make_form, way: str, tmp_path: Path) -> None:
    out = make_form("cmake")
    join = "add_subdirectory(demo-model)"
    if way == "FetchContent":
        join = (
            f"include(FetchContent)\nFetchContent_Declare(demo-model URL {out.as_uri()[7:]})\n"
            "FetchContent_MakeAvailable(demo-model)"
        )
    (tmp_path / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.16)\nproject(firmware C)\n{join}\n"
        f"add_executable(firmware demo-model/example/main.c {STUBS}/freestanding/string.c)\n"
        "target_link_libraries(firmware PRIVATE mcu_slm::demo-model)\n"
    )
    toolchain = f"-DCMAKE_TOOLCHAIN_FILE={toolchain_file(tmp_path)}"
    run("cmake", "-B", "build", toolchain, folder=tmp_path)
    run("cmake", "--build", "build", folder=tmp_path)
    assert (tmp_path / "build" / "firmware").read_bytes()[:4] == b"\x7fELF"


@pytest.mark.emulator
@needs("cmake", "arm-none-eabi-gcc")
def test_cubemx_folder_joins_a_project_by_the_lines_of_its_readme(
    make_form, tmp_path: Path
) -> None:
    project = tmp_path / "Board"
    out = make_form("cubemx", out=project / "demo-model")
    readme = (out / "README.md").read_text()
    lines = re.findall(r"```cmake\n(.*?)```", readme, re.DOTALL)[0]
    text = (STUBS / "cubemx" / "CMakeLists.txt").read_text()
    stub = f"target_sources(${{CMAKE_PROJECT_NAME}} PRIVATE {STUBS}/freestanding/string.c)\n"
    (project / "CMakeLists.txt").write_text(text + stub + lines)
    main = (STUBS / "cubemx" / "main.c").read_text()
    code = re.findall(r"```c\n(.*?)```", readme, re.DOTALL)[0]
    for mark in ("Includes", "PV", "2", "3"):
        begin = f"/* USER CODE BEGIN {mark} */\n"
        body = code.partition(begin)[2].partition(f"/* USER CODE END {mark} */")[0]
        assert body.strip()
        body = body.rstrip().removesuffix("}") if mark == "3" else body
        assert begin in main
        main = main.replace(begin, begin + body)
    (project / "Core" / "Src").mkdir(parents=True)
    (project / "Core" / "Src" / "main.c").write_text(main)
    toolchain = f"-DCMAKE_TOOLCHAIN_FILE={toolchain_file(tmp_path)}"
    run("cmake", "-B", "build", "-DCMAKE_BUILD_TYPE=Debug", toolchain, folder=project)
    run("cmake", "--build", "build", folder=project)
    symbols = run("arm-none-eabi-nm", "build/Board", folder=project)
    assert "mcu_slm_model_run" in symbols


@pytest.mark.host
@needs("cmake", "cc")
def test_zephyr_sample_builds_and_runs_over_stubs(make_form, tmp_path: Path) -> None:
    out = make_form("zephyr")
    stubs = f"-DZephyr_DIR={STUBS / 'zephyr'}"
    run("cmake", "-B", tmp_path / "build", stubs, folder=out / "samples" / "self_test")
    run("cmake", "--build", tmp_path / "build", folder=out)
    assert "self-test passed: 3 known answers" in run(tmp_path / "build" / "app", folder=out)


@pytest.mark.unit
def test_zephyr_metadata_is_what_the_build_system_reads(make_form) -> None:
    out = make_form("zephyr")
    module = (out / "zephyr" / "module.yml").read_text()
    fields = [line for line in module.splitlines() if not line.startswith("#")]
    assert fields == [
        "name: demo_model",
        *("build:", "  cmake: zephyr", "  kconfig: zephyr/Kconfig"),
        *("samples:", "  - samples"),
    ]
    kconfig = (out / "zephyr" / "Kconfig").read_text()
    symbol = re.search(r"^config (\w+)$", kconfig, re.MULTILINE)
    assert symbol is not None
    assert f"\nCONFIG_{symbol[1]}=y\n" in (out / "samples/self_test/prj.conf").read_text()
    assert f"if(CONFIG_{symbol[1]})" in (out / "zephyr" / "CMakeLists.txt").read_text()
    assert re.search(r"^\tbool \".+\"$", kconfig, re.MULTILINE)


@pytest.mark.unit
def test_arduino_metadata_is_what_the_specification_asks_for(make_form) -> None:
    out = make_form("arduino")
    text = (out / "library.properties").read_text()
    fields = dict(line.split("=", 1) for line in text.splitlines())
    wanted = ("name", "version", "author", "maintainer", "sentence", "paragraph", "category")
    assert set(fields) == {*wanted, "url", "architectures", "includes"}
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9 _.-]{0,62}", fields["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["version"])
    assert fields["category"] in CATEGORIES
    assert not fields["name"].lower().startswith("arduino")
    assert (out / "src" / fields["includes"]).is_file()
    for line in (out / "keywords.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"\w+\t(KEYWORD[123]|LITERAL1)", line), line
    for sketch in (out / "examples").iterdir():
        assert (sketch / f"{sketch.name}.ino").is_file()


@pytest.mark.host
@needs("cc", "c++")
def test_arduino_sketch_compiles_and_runs_over_a_stub(make_form, models, tmp_path: Path) -> None:
    out = make_form("arduino")
    for source in sorted((out / "src").glob("*.c")):
        run(
            "cc", "-std=gnu11", "-Os", "-c", source, "-o", tmp_path / f"{source.stem}.o", folder=out
        )
    sketch = f'-DSKETCH="{out}/examples/SelfTest/SelfTest.ino"'
    flags = ("-std=gnu++17", "-Wall", "-Wextra", "-Werror", f"-I{STUBS / 'arduino'}", "-Isrc")
    objects = sorted(tmp_path.glob("*.o"))
    main = STUBS / "arduino" / "main.cpp"
    run("c++", *flags, sketch, main, *objects, "-o", tmp_path / "sketch", folder=out)
    shown = run(tmp_path / "sketch", folder=out)
    assert shown.startswith("self-test passed: 3\n")
    assert expected_line(models, "tiny") in shown


@pytest.mark.unit
def test_platformio_manifest_is_what_its_schema_asks_for(make_form) -> None:
    out = make_form("platformio")
    manifest = json.loads((out / "library.json").read_text())
    assert 3 <= len(manifest["name"]) <= 50
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert len(manifest["description"]) <= 255
    assert (manifest["frameworks"], manifest["platforms"]) == ("*", "*")
    assert (out / manifest["build"]["includeDir"] / manifest["headers"]).is_file()
    assert list((out / manifest["build"]["srcDir"]).glob("*.c"))
    for example in manifest["examples"]:
        for name in example["files"]:
            assert (out / example["base"] / name).is_file()
    assert set(manifest) <= {
        *("name", "version", "description", "keywords", "authors", "license", "frameworks"),
        *("platforms", "headers", "examples", "build"),
    }


@pytest.mark.host
@needs("cc")
def test_platformio_example_compiles_and_runs(make_form, models, tmp_path: Path) -> None:
    out = make_form("platformio")
    main = out / "examples" / "self_test" / "src" / "main.c"
    sources = sorted((out / "src").glob("*.c"))
    binary = tmp_path / "program"
    run(
        "cc",
        "-Os",
        "-ffp-contract=off",
        "-Iinclude",
        "-Isrc",
        main,
        *sources,
        "-o",
        binary,
        folder=out,
    )
    assert expected_line(models, "tiny") in run(binary, folder=out)


@pytest.mark.host
@needs("pio")
def test_platformio_itself_builds_the_example(make_form) -> None:
    out = make_form("platformio")
    run("pio", "run", "-e", "native", folder=out / "examples" / "self_test")


@pytest.mark.host
@needs("arduino-cli")
def test_arduino_itself_knows_the_library(make_form) -> None:
    out = make_form("arduino")
    listed = run("arduino-cli", "lib", "examples", "--library", out, "--json", folder=out)
    assert "SelfTest" in listed


@pytest.mark.host
@needs("west")
def test_zephyr_itself_builds_the_sample(make_form, tmp_path: Path) -> None:
    out = make_form("zephyr")
    sample = out / "samples" / "self_test"
    run("west", "build", "-b", "qemu_cortex_m3", "-d", tmp_path / "build", sample, folder=out)


# --- Bill of materials ----------------------------------------------------------------------------


@pytest.mark.unit
@pytest.mark.parametrize("form", [*FORMS, "project"])
def test_the_bill_of_materials_lists_every_file(make_form, make_project, form: str) -> None:
    out = make_project().folder if form == "project" else make_form(form)
    where = out / "mcu_slm" if form == "project" else out
    bill = json.loads((where / "sbom.spdx.json").read_text())
    assert (bill["spdxVersion"], bill["dataLicense"]) == ("SPDX-2.3", "CC0-1.0")
    listed = {entry["fileName"]: entry for entry in bill["files"]}
    assert len(listed) == len(bill["files"])
    packages = {package["SPDXID"]: package for package in bill["packages"]}
    excluded = packages["SPDXRef-Generated"]["packageVerificationCode"][
        "packageVerificationCodeExcludedFiles"
    ]
    assert {*listed, *excluded} == {f"./{path}" for path in contents(out)}
    for name, entry in listed.items():
        sums = {item["algorithm"]: item["checksumValue"] for item in entry["checksums"]}
        assert sums["SHA256"] == sha256_file(out / name)
        assert entry["licenseInfoInFiles"] == ["0BSD"]
    identifiers = {"SPDXRef-DOCUMENT", *packages, *(entry["SPDXID"] for entry in bill["files"])}
    assert len(identifiers) == 1 + len(packages) + len(listed)
    for relation in bill["relationships"]:
        assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= identifiers
    record = json.loads((out / excluded[1]).read_text())
    assert packages["SPDXRef-Model"]["checksums"][0]["checksumValue"] == record["model_sha256"]
    assert packages["SPDXRef-Tool"]["versionInfo"] == record["tool_version"]
    assert packages["SPDXRef-Compiler"]["versionInfo"] == "NOASSERTION"
    assert record["model_sha256"] in (where / "NOTICE").read_text()
