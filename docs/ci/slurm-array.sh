#!/bin/bash
#SBATCH --job-name=sipmemtest
#SBATCH --array=1-16
#SBATCH --cpus-per-task=2
#SBATCH --time=04:00:00
#SBATCH --requeue
# One task of a Slurm array does one share of a sweep:
#
#   job=$(sbatch --parsable docs/ci/slurm-array.sh RESULTS corpus/)
#   sbatch --dependency=afterany:$job --wrap 'sipmemtest merge RESULTS/*.json >all.json'
#
# RESULTS is a folder that all nodes see; more arguments are options and messages
# of sipmemtest. The share is the task's place in the array. A task that is
# requeued continues where it was ended.
set -u
results=$1
shift
count=${SLURM_ARRAY_TASK_COUNT:?run me with sbatch --array}
first=${SLURM_ARRAY_TASK_MIN:-1}
shard=$((SLURM_ARRAY_TASK_ID - first + 1))

mkdir -p "$results"
"${SIPMEMTEST:-sipmemtest}" --oom --shard "$shard/$count" --jobs "${SLURM_CPUS_PER_TASK:-1}" \
    --resume "$results/$shard.journal" --format "json:$results/$shard.json" "$@"
status=$?
# findings are no failure of the task: merge judges them
[ $status -le 1 ] || exit $status
rm -f "$results/$shard.journal"
