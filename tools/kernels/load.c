// SPDX-License-Identifier: Apache-2.0
/*
 *     bulkhead-load             loads every variant of the kernel programs that the agent ever loads
 *     bulkhead-load OBJECT      loads a compiled file's programs instead
 *
 * Tells what the verifier said:
 *
 *     program VARIANT NAME INSTRUCTIONS     how many instructions it looked at
 *     refused VARIANT NAME                  and on stderr its reason and the way there
 *
 * Attaches and pins nothing. The exit code says whether all were loaded.
 */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/skeleton.h"

#define LOG_STATISTICS 4 /* errors, and one line at the end */
#define LOG_TRACE 1      /* every instruction: kernels before 6.4 keep the beginning of what doesn't fit */
#define TRACE_LINES 40
#define MAX_PROGRAMS 16
#define ANSWER_MARK 0x1000 /* any: without one, a part of the programs is folded away */

static char statistics[MAX_PROGRAMS][1u << 16];
static char trace[(1u << 24) - 1]; /* the most that 5.10 takes */

/* The configuration is constant to the verifier, which then never looks at what it excludes. */
static const struct variant {
    const char* name;
    struct bh_config config;
    const char* file; /* instead of the built-in programs */
} variants[] = {
    {.name = "enforcing", .config = {.flow_seed = 1, .answer_mark = ANSWER_MARK}},
    {.name = "rehearsal", .config = {.flow_seed = 1, .answer_mark = ANSWER_MARK, .rehearsal = 1}},
    {.name = "silent", .config = {.flow_seed = 1, .answer_mark = ANSWER_MARK, .rehearsal = 1, .silent = 1}},
};

static struct bpf_object* open_variant(const struct variant* variant) {
    struct bpf_object* object = variant->file ? bpf_object__open_file(variant->file, NULL) : bh_skeleton_open();
    struct bh_config* config;

    if (!object || variant->file) return object;
    config = bh_skeleton_config(object);
    if (config) {
        *config = variant->config;
        return object;
    }
    bpf_object__close(object);
    return NULL;
}

/* "processed 1234 insns (limit 1000000) ..." */
static long verified_instructions(const char* log) {
    const char* processed = strstr(log, "processed ");

    return processed ? strtol(processed + strlen("processed "), NULL, 10) : -1;
}

static const char* tail_of(const char* log) {
    const char* from = log + strlen(log);

    for (int lines = 0; from > log && lines <= TRACE_LINES; from--)
        lines += from[-1] == '\n';
    return from;
}

/* Once more, for the way to the instruction that was refused. */
static void print_trace(const struct variant* variant) {
    struct bpf_object* object = open_variant(variant);
    struct bpf_program* program;

    if (!object) return;
    bpf_object__for_each_program(program, object) {
        bpf_program__set_log_level(program, LOG_TRACE);
        bpf_program__set_log_buf(program, trace, sizeof(trace));
    }
    libbpf_set_print(NULL);
    bpf_object__load(object);
    fprintf(stderr, "%s\n", tail_of(trace));
    bpf_object__close(object);
}

/* libbpf stops at the first program that is refused: the last log that has anything in it. */
static int report(const struct variant* variant, const struct bpf_object* object, int error) {
    struct bpf_program* program;
    const char* refused = "maps";
    const char* why = "";
    int i = 0;

    bpf_object__for_each_program(program, object) {
        const char* log = statistics[i++];

        if (*log) {
            refused = bpf_program__name(program);
            why = log;
        }
        if (!error)
            printf("program %s %s %ld\n", variant->name, bpf_program__name(program), verified_instructions(log));
    }
    if (!error) return 0;
    printf("refused %s %s\n", variant->name, refused);
    fprintf(stderr, "%s: %s\n%s", refused, strerror(-error), why);
    print_trace(variant);
    return 1;
}

static int load(const struct variant* variant) {
    struct bpf_object* object = open_variant(variant);
    struct bpf_program* program;
    int refused;
    int i = 0;

    if (!object) {
        perror("open the programs");
        return 1;
    }
    bpf_object__for_each_program(program, object) {
        statistics[i][0] = 0;
        bpf_program__set_log_level(program, LOG_STATISTICS);
        bpf_program__set_log_buf(program, statistics[i], sizeof(statistics[i]));
        i++;
    }
    refused = report(variant, object, bpf_object__load(object));
    bpf_object__close(object);
    return refused;
}

int main(int argc, char** argv) {
    const struct variant given = {.name = "given", .file = argv[1]};

    if (argc > 1) return load(&given);
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++)
        if (load(&variants[i])) return 1; /* the others' refusal would read the same */
    return 0;
}
