# SPDX-License-Identifier: Apache-2.0
# Read by ctest. To add a clsact qdisc costs a busy device what it sends meanwhile: mostly nothing, on a busy machine a
# packet. What counts every packet of a device that gets one has the machine for itself.
set_tests_properties("from one way of attaching to the other, every packet is judged, and then once"
  PROPERTIES RUN_SERIAL TRUE)
