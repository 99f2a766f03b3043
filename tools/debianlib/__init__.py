# SPDX-License-Identifier: Apache-2.0
"""What tools share that take things from Debian's archive: fetched and unpacked into a cache, never installed.

host     programs that have to succeed, and the cache
archive  an apt of our own, on the mirror that this machine uses
go       its Go, on sources in the form of before modules
made     what takes minutes to make is made once
"""
