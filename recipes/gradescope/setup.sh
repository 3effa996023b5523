#!/usr/bin/env bash
# Gradescope runs this once, when it builds the autograder. The zip that you upload
# holds the course (nnlib, grader, solutions, recipes, constraints.txt) and, at its top,
# this file and run_autograder.
set -euo pipefail
apt-get update
apt-get install -y python3 python3-venv
python3 -m venv /opt/course
/opt/course/bin/pip install \
    -r /autograder/source/recipes/requirements-grading.txt \
    -c /autograder/source/constraints.txt
chmod -R go-rwx /autograder/source/solutions
chmod -R go+rX /autograder/source/nnlib /autograder/source/grader /opt/course
