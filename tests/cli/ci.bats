# The scripts of docs/ci do what they say.
load common

setup()
{
    dir=$BATS_TEST_TMPDIR
    some=("$corpus/invite.sip" "$corpus/bye-basic.sip")
    export SIPMEMTEST=$SMT_BIN/sipmemtest
}

teardown()
{
    [ ! -s "$dir/sshd.pid" ] || kill "$(<"$dir/sshd.pid")"
}

@test "a_slurm_array_gives_the_result_of_one_machine" {
    sipmemtest --oom --repeat 3 --format "json:$dir/one" "${some[@]}"

    # an array may begin anywhere
    for task in 5 6 7; do
        SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_MIN=5 SLURM_ARRAY_TASK_COUNT=3 \
            SLURM_CPUS_PER_TASK=2 "$SMT_ROOT/docs/ci/slurm-array.sh" "$dir/results" --repeat 3 \
            "${some[@]}"
    done
    sipmemtest merge "$dir"/results/*.json

    exits 1
    same "$dir/one" "$dir/out"
    [ -z "$(ls "$dir"/results/*.journal 2>/dev/null)" ]
}

@test "a_slurm_script_outside_an_array_says_so" {
    run env -u SLURM_ARRAY_TASK_COUNT "$SMT_ROOT/docs/ci/slurm-array.sh" "$dir/results" "$invite"

    [ "$status" -ne 0 ]
    contains "sbatch --array" "$output"
}

# sshd_start: on loopback with keys of its own; sets $port
sshd_start()
{
    local server=/usr/sbin/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
    ssh-keygen -q -t ed25519 -N '' -f "$dir/user"
    cp "$dir/user.pub" "$dir/authorized"
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
    for try in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 20000))
        cat >"$dir/sshd_config" <<CONFIG
Port $port
ListenAddress 127.0.0.1
HostKey $dir/host
AuthorizedKeysFile $dir/authorized
PidFile $dir/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
MaxStartups 50
CONFIG
        "$server" -f "$dir/sshd_config" -E "$dir/sshd.log" || continue
        for look in $(seq 200); do
            [ ! -s "$dir/sshd.pid" ] || return 0
            perl -e 'select undef, undef, undef, 0.02'
        done
    done
    cat "$dir/sshd.log"
    return 1
}

@test "machines_reached_by_ssh_give_the_result_of_one" {
    command -v parallel >/dev/null || skip "no GNU parallel"
    [ -x /usr/sbin/sshd ] || skip "no sshd"
    sipmemtest --oom --repeat 3 --format "json:$dir/one" "${some[@]}"
    sshd_start
    echo "2/$(id -un)@127.0.0.1" >"$dir/hosts"
    export PARALLEL_SSH="ssh -p $port -i $dir/user -o IdentitiesOnly=yes \
-o StrictHostKeyChecking=no -o UserKnownHostsFile=$dir/known_hosts -o LogLevel=ERROR"

    run env HOME="$dir" "$SMT_ROOT/docs/ci/parallel-ssh.sh" "$dir/hosts" 5 "$dir/results" \
        --repeat 3 "${some[@]}"

    echo "$output" | tail -20
    [ "$status" = 1 ]
    [ "$(ls "$dir"/results/[0-9].json | wc -l)" = 5 ]
    same "$dir/one" "$dir/results/all.json"
}

@test "the_files_for_ci_systems_are_well_formed" {
    for file in github-actions.yml gitlab-ci.yml; do
        python3 - "$SMT_ROOT/docs/ci/$file" <<'PYTHON'
import sys
try:
    import yaml
except ImportError:
    sys.exit(0)
assert yaml.safe_load(open(sys.argv[1]))
PYTHON
    done
    for script in slurm-array parallel-ssh; do bash -n "$SMT_ROOT/docs/ci/$script.sh"; done
    grep -q 'FROM debian:12' "$SMT_ROOT/docs/ci/Dockerfile"
}
