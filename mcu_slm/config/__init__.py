"""The project file `mcu_slm.toml`: its sections as frozen models, its reader and its JSON schema.

    toml text --loading--> Project(project, data, task, model, teacher, train, board, ...)

Every key has a description and, where it has a dimension, the unit in its name. Unknown keys are
errors.
"""

from mcu_slm.config.data import (
    AeonData,
    ArraySet,
    CsvData,
    DataConfig,
    FileOrigin,
    NpzData,
    ParquetData,
    RecordingData,
    SplitConfig,
    TsData,
    WavData,
)
from mcu_slm.config.loading import json_schema, load_project, parse_project
from mcu_slm.config.models import (
    BiLstmModel,
    FilterbankModel,
    ModelConfig,
    SpectralModel,
    TcnModel,
    TokenLmModel,
    TransformerModel,
    TrendModel,
)
from mcu_slm.config.project import (
    BoardConfig,
    BudgetConfig,
    Project,
    ProjectConfig,
    VerifyConfig,
)
from mcu_slm.config.task import (
    AnomalyTask,
    ClassificationTask,
    EventsTask,
    RegressionTask,
    TaskConfig,
)
from mcu_slm.config.training import (
    AugmentConfig,
    PretrainConfig,
    PruneConfig,
    TeacherConfig,
    TrainConfig,
)

__all__ = [
    "AeonData",
    "AnomalyTask",
    "ArraySet",
    "AugmentConfig",
    "BiLstmModel",
    "BoardConfig",
    "BudgetConfig",
    "ClassificationTask",
    "CsvData",
    "DataConfig",
    "EventsTask",
    "FileOrigin",
    "FilterbankModel",
    "ModelConfig",
    "NpzData",
    "ParquetData",
    "PretrainConfig",
    "Project",
    "ProjectConfig",
    "PruneConfig",
    "RecordingData",
    "RegressionTask",
    "SpectralModel",
    "SplitConfig",
    "TaskConfig",
    "TcnModel",
    "TeacherConfig",
    "TokenLmModel",
    "TrainConfig",
    "TransformerModel",
    "TrendModel",
    "TsData",
    "VerifyConfig",
    "WavData",
    "json_schema",
    "load_project",
    "parse_project",
]
