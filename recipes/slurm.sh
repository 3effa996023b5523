#!/usr/bin/env bash
#SBATCH --array=1-10
#SBATCH --cpus-per-task=2
#SBATCH --mem=10G
#SBATCH --time=00:30:00
# Grade a tenth of a class in each task of the array:
#
#     sbatch recipes/slurm.sh 07_initialization submissions results 2026
#
# and when all have ended, put the parts together:
#
#     python -m grader export results/part-* --csv scores.csv --html feedback
set -euo pipefail
lab=$1 submissions=$2 out=$3 seed=$4
part="${SLURM_ARRAY_TASK_ID:?}/${SLURM_ARRAY_TASK_COUNT:?}"
exec "${PYTHON:-python}" -m grader grade "$lab" "$submissions" \
    -o "$out/part-$SLURM_ARRAY_TASK_ID" --part "$part" --seed "$seed" \
    --jobs "${SLURM_CPUS_PER_TASK:-1}" --quiet
