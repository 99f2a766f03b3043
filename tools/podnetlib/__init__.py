# SPDX-License-Identifier: Apache-2.0
"""The parts of tools/podnet.

names      what everything is called, and how interfaces get their MAC addresses
kernel     the few things asked of the kernel: namespaces, `ip -batch`, sysctls, processes
state      what a net consists of, kept in /run/podnet/NET.json
segment    the routed "VPC": its router, and the link of whoever hangs on it
cni        one pod's wiring, as the AWS VPC CNI does it
net        the verbs: up, add, del, resource, down
manifests  Kubernetes YAML -> nodes, pods and resources
cli        arguments and output
"""
