/*
 * Runs before every translated block of the simulated core: counts instructions, stops exactly where Python
 * asks, and records which block followed which inside the profiled functions.
 *
 * It is the compiled twin of PythonHook in python_hook.py; a test runs both and compares every number. The structures
 * are mirrored field by field in native_hook.py. No Unicorn header is needed: the two functions that are called come
 * as pointers.
 */
#include <stdint.h>

#define BLOCK_SLOTS 16384u  /* direct-mapped cache of blocks already looked at */
#define EDGE_SLOTS 131072u  /* open-addressed table of edges */
#define MAX_NODES 1024u
#define MAX_FRAMES 64u
#define MAX_POINTS 1024u
#define MAX_REGIONS 8u

enum { EDGE_WHOLE = 0, EDGE_BRANCH_ONLY = 1, EDGE_BODY_ONLY = 2 };

typedef struct {
    uint32_t address, bytes, instructions;
    uint32_t watch; /* 1 + number of the watched function that begins here, or 0 */
    uint32_t is_break;
} block_t;

/* key: address of the block before << 32 | address of the block; sizes: their bytes, packed likewise */
typedef struct {
    uint64_t key, count;
    uint32_t sizes, tag; /* tag: node << 2 | which part of the edge */
} edge_t;

/* One path of watched functions: `watch` called (perhaps indirectly) while node `parent` was current. */
typedef struct {
    uint64_t instructions, calls;
    uint32_t parent, watch;
} node_t;

typedef struct {
    uint32_t return_address, stack_pointer, caller_node;
} frame_t;

typedef struct {
    const uint8_t *bytes;
    uint32_t base, size, writable;
} region_t;

typedef struct {
    uint64_t instructions; /* executed so far, conditional ones that were skipped included */
    uint64_t stop_at;      /* stop before the first block that begins at or after this count */
    int32_t (*emu_stop)(void *engine);
    int32_t (*reg_read)(void *engine, int32_t id, void *value);
    int32_t id_sp, id_lr, id_primask, id_basepri, id_faultmask, id_control;
    uint32_t stop_requested; /* set by register callbacks, which must not stop the engine themselves */
    uint32_t stopped;        /* set here when this hook stopped the engine */
    uint32_t stopped_at_break;
    uint32_t pass_break;     /* address of the break at which the engine stopped last: pass it once */
    uint32_t watch_masks;    /* stop when one of the three masks below changes */
    uint32_t primask, basepri, faultmask;
    uint32_t watch_fpu;      /* stop behind the first block that used the FPU */
    uint32_t last_address, last_bytes;
    uint32_t profiling, suspended, overflow;
    uint32_t node, node_count, frame_count, edge_count;
    uint32_t break_count, watch_count, region_count;
    uint32_t breaks[MAX_POINTS], watches[MAX_POINTS];
    region_t regions[MAX_REGIONS];
    frame_t frames[MAX_FRAMES];
    node_t nodes[MAX_NODES]; /* node 0: outside every watched function */
    block_t blocks[BLOCK_SLOTS];
    edge_t edges[EDGE_SLOTS];
} hook_state_t;

static uint32_t read_register(const hook_state_t *s, void *engine, int32_t id)
{
    uint32_t value = 0;
    s->reg_read(engine, id, &value);
    return value;
}

static const region_t *region_of(const hook_state_t *s, uint32_t address)
{
    for (uint32_t i = 0; i < s->region_count; i++) {
        if (address - s->regions[i].base < s->regions[i].size) {
            return &s->regions[i];
        }
    }
    return 0;
}

/* A Thumb instruction is 32 bits long when its first halfword is 0xE800 or more (Armv7-M ARM, A5.1). */
static uint32_t count_instructions(const region_t *region, uint32_t address, uint32_t bytes)
{
    uint32_t count = 0;
    for (uint32_t at = address - region->base, end = at + bytes; at < end && at + 2 <= region->size; count++) {
        uint32_t halfword = region->bytes[at] | (uint32_t)region->bytes[at + 1] << 8;
        at += halfword >= 0xE800u ? 4 : 2;
    }
    return count;
}

static uint32_t position_in(const uint32_t *list, uint32_t count, uint32_t address)
{
    for (uint32_t i = 0; i < count; i++) {
        if (list[i] == address) {
            return i + 1;
        }
    }
    return 0;
}

static const block_t *find_block(hook_state_t *s, uint32_t address, uint32_t bytes)
{
    block_t *block = &s->blocks[(address >> 1) & (BLOCK_SLOTS - 1)];
    if (block->address == address && block->bytes == bytes) {
        return block;
    }
    const region_t *region = region_of(s, address);
    block->address = address;
    block->bytes = region && region->writable ? 0 : bytes; /* code in RAM may change: never trust the cache */
    block->instructions = region ? count_instructions(region, address, bytes) : 0;
    block->watch = position_in(s->watches, s->watch_count, address);
    block->is_break = position_in(s->breaks, s->break_count, address) != 0;
    return block;
}

static int masks_changed(const hook_state_t *s, void *engine)
{
    return read_register(s, engine, s->id_primask) != s->primask ||
           read_register(s, engine, s->id_basepri) != s->basepri ||
           read_register(s, engine, s->id_faultmask) != s->faultmask;
}

/* CONTROL.FPCA is set by every floating-point instruction. */
static int fpu_was_used(const hook_state_t *s, void *engine)
{
    return (read_register(s, engine, s->id_control) & 4u) != 0;
}

static int must_stop(hook_state_t *s, void *engine, const block_t *block)
{
    if (s->stop_requested || s->instructions >= s->stop_at) {
        return 1;
    }
    if ((s->watch_masks && masks_changed(s, engine)) || (s->watch_fpu && fpu_was_used(s, engine))) {
        return 1;
    }
    if (block->is_break) {
        if (s->pass_break != block->address) {
            s->stopped_at_break = 1;
            return 1;
        }
        s->pass_break = 0;
    }
    return 0;
}

static void count_edge(hook_state_t *s, uint32_t address, uint32_t bytes, uint32_t part)
{
    if (s->node == 0) {
        return;
    }
    uint64_t key = (uint64_t)s->last_address << 32 | address;
    uint32_t sizes = s->last_bytes << 16 | bytes, tag = s->node << 2 | part;
    uint32_t slot = (uint32_t)(((key ^ tag) * 0x9E3779B97F4A7C15ull) >> 47) & (EDGE_SLOTS - 1);
    for (;; slot = (slot + 1) & (EDGE_SLOTS - 1)) {
        edge_t *edge = &s->edges[slot];
        if (edge->count && (edge->key != key || edge->sizes != sizes || edge->tag != tag)) {
            continue;
        }
        if (!edge->count) {
            if (s->edge_count >= EDGE_SLOTS / 2) {
                s->overflow = 1;
                return;
            }
            s->edge_count++;
            edge->key = key;
            edge->sizes = sizes;
            edge->tag = tag;
        }
        edge->count++;
        return;
    }
}

static uint32_t child_node(hook_state_t *s, uint32_t watch)
{
    for (uint32_t i = 1; i < s->node_count; i++) {
        if (s->nodes[i].parent == s->node && s->nodes[i].watch == watch) {
            return i;
        }
    }
    if (s->node_count >= MAX_NODES) {
        s->overflow = 1;
        return s->node;
    }
    s->nodes[s->node_count] = (node_t){.parent = s->node, .watch = watch};
    return s->node_count++;
}

/* Leave every watched function that returns to this address; several may, after a tail call. */
static int leave_functions(hook_state_t *s, void *engine, uint32_t address)
{
    int left = 0;
    while (s->frame_count && s->frames[s->frame_count - 1].return_address == address &&
           s->frames[s->frame_count - 1].stack_pointer == read_register(s, engine, s->id_sp)) {
        s->node = s->frames[--s->frame_count].caller_node;
        left = 1;
    }
    return left;
}

static void enter_function(hook_state_t *s, void *engine, uint32_t watch)
{
    if (s->frame_count >= MAX_FRAMES) {
        s->overflow = 1;
        return;
    }
    s->frames[s->frame_count++] = (frame_t){
        .return_address = read_register(s, engine, s->id_lr) & ~1u,
        .stack_pointer = read_register(s, engine, s->id_sp),
        .caller_node = s->node,
    };
    s->node = child_node(s, watch);
    s->nodes[s->node].calls++;
}

/* The branch that crosses a function's border is charged where it is taken, the block behind it where it lands. */
static void profile_block(hook_state_t *s, void *engine, const block_t *block, uint32_t bytes)
{
    uint32_t part = EDGE_WHOLE, node = s->node;
    int left = leave_functions(s, engine, block->address);
    if (left || block->watch) {
        uint32_t landed_in = s->node;
        s->node = node;
        count_edge(s, block->address, bytes, EDGE_BRANCH_ONLY);
        s->node = landed_in;
        part = EDGE_BODY_ONLY;
    }
    if (block->watch) {
        enter_function(s, engine, block->watch);
    }
    count_edge(s, block->address, bytes, part);
    s->nodes[s->node].instructions += block->instructions;
}

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

/* Lets native_hook.py check that its mirror of the structures is as long. */
EXPORT uint32_t mcu_slm_hook_state_bytes(void)
{
    return (uint32_t)sizeof(hook_state_t);
}

EXPORT void mcu_slm_on_block(void *engine, uint64_t address, uint32_t bytes, void *state)
{
    hook_state_t *s = state;
    const block_t *block = find_block(s, (uint32_t)address, bytes);
    if (must_stop(s, engine, block)) {
        s->stopped = 1;
        s->emu_stop(engine);
        return; /* not counted: the block comes again when the engine goes on */
    }
    s->instructions += block->instructions;
    if (s->profiling && !s->suspended) {
        profile_block(s, engine, block, bytes);
    }
    s->last_address = block->address;
    s->last_bytes = bytes;
}
