#!/bin/sh
# Makes .venv and installs the pinned requirements into it.
#
#     tools/setup.sh requirements.txt
#
# Does nothing when .venv already holds exactly these. PYTHON names the interpreter
# to start from; without it the first one found that is new enough is taken.
set -eu
cd "$(dirname "$0")/.."
requirements=${1:-requirements.txt}

fail() {
    echo "setup: $1" >&2
    exit 1
}

# The files that decide what is installed; one stamp per list of requirements.
stamp=.venv/.installed-$requirements
state=$(cat requirements*.txt constraints.txt pyproject.toml | cksum)
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$state" ]; then
    exit 0
fi

if [ ! -x .venv/bin/python ]; then
    found=
    python=
    for candidate in ${PYTHON:-python3 python python3.13 python3.12 python3.11 python3.14}; do
        version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' \
            2>/dev/null) || continue
        found="$found${found:+, }$candidate is $version"
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || continue
        python=$candidate
        break
    done
    if [ -z "$python" ]; then
        fail "Python 3.11 or newer is needed (${found:-none was found}); install it or name it: make PYTHON=/path/to/python3"
    fi
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python has no venv module; on Debian or Ubuntu: apt install python3-venv"
    echo "setup: making .venv with $("$python" --version)"
    "$python" -m venv .venv || fail "cannot make .venv here"
fi

echo "setup: installing $requirements (the first time takes minutes)"
.venv/bin/python -m pip install -qq --disable-pip-version-check \
    -r "$requirements" ||
    fail "pip could not install $requirements (its message stands above)"
echo "$state" >"$stamp" || fail "cannot write $stamp"
