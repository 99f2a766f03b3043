// SPDX-License-Identifier: Apache-2.0
#include "datapath/skeleton.h"


#include "bulkhead.skel.h"

struct bpf_object *bh_skeleton_open(void)
{
	size_t size = 0;
	const void *elf = bulkhead__elf_bytes(&size);
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "bulkhead");

	return bpf_object__open_mem(elf, size, &options);
}

/* The generated struct knows where in .rodata the variable lies. */
struct bh_config *bh_skeleton_config(struct bpf_object *object)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	struct bulkhead__rodata *rodata;
	size_t size = 0;

	if (!map)
		return NULL;
	rodata = bpf_map__initial_value(map, &size);
	return rodata && size >= sizeof(*rodata) ? &rodata->bh_config : NULL;
}
