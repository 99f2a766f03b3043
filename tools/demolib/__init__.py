# SPDX-License-Identifier: Apache-2.0
"""What tools/demo shows.

main          arguments, signals, and that everything is removed in the end
stage         the simulated cluster and the agents on it: made, and removed again
story         what is told and in which order
conversation  one TCP connection, and when its last answer came
text          words on an 80-column terminal
"""
