#!/bin/sh
# make grade LAB=07_initialization SUBMISSIONS=folder OUT=folder
set -eu
if [ -z "$1" ] || [ -z "$2" ] || [ -z "$3" ]; then
    echo "grade: say what to grade:" \
        "make grade LAB=07_initialization SUBMISSIONS=folder OUT=folder" >&2
    exit 2
fi
tools/setup.sh requirements.txt
exec .venv/bin/python -m grader grade "$1" "$2" -o "$3"
