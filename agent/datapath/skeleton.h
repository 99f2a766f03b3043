/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled programs, as one opened but unloaded libbpf object. C, because the generated skeleton's
 * `struct bulkhead` can't live beside our namespace of that name.
 */
#ifndef BULKHEAD_DATAPATH_SKELETON_H
#define BULKHEAD_DATAPATH_SKELETON_H

#include <bpf/libbpf.h>

#include "bulkhead/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* NULL and errno on failure; else bpf_object__close() it. */
struct bpf_object* bh_skeleton_open(void);

/* The configuration that the verifier will fold, in the object's memory until it is loaded; NULL if there is none. */
struct bh_config* bh_skeleton_config(struct bpf_object* object);

#ifdef __cplusplus
}
#endif

#endif
