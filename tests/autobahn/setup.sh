#!/bin/sh
# Makes .venvs/autobahn, the environment of the Autobahn test suite, with the oldest Python 3 that is there: the suite is Python 2
# code, and what makes environments for Python 2 is old as well. Exits with 3 if there is no Python 2.7.
set -u
here=$(cd "$(dirname "$0")" && pwd)
base=$("$here/../../tools/pythons" | tail -n 1)
[ -n "$base" ] && exec "${base#* }" "$here/environment.py"
