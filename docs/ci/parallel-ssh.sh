#!/bin/bash
# One sweep over machines that ssh reaches, divided by GNU parallel:
#
#   docs/ci/parallel-ssh.sh HOSTS SHARDS RESULTS [OPTION...] MESSAGE...
#
# HOSTS is a file as `parallel --sshloginfile` takes it, one [JOBS/]LOGIN a line;
# SHARDS how many shares to make, several for each machine so that fast ones do
# more; RESULTS a folder here. Messages and program are at the same path on all
# machines. Writes RESULTS/all.json; the exit status is that of the merge.
# PARALLEL_SSH is the ssh command, SIPMEMTEST the program.
set -u
if [ $# -lt 4 ]; then
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
hosts=$1 shards=$2 results=$3
shift 3
program=${SIPMEMTEST:-sipmemtest}

mkdir -p "$results" || exit 3
rm -f "$results"/[0-9]*.json
printf -v arguments ' %q' "$@"
# a share with findings exits 1; only what is worse is tried again elsewhere
seq "$shards" | parallel ${PARALLEL_SSH:+--ssh "$PARALLEL_SSH"} --sshloginfile "$hosts" --retries 3 \
    "cd $(printf %q "$PWD") && { $program --oom --shard {}/$shards --format json$arguments || [ \$? = 1 ]; }" \
    '>' "$results/{}.json"
exec "$program" merge --format text --format "json:$results/all.json" "$results"/[0-9]*.json
