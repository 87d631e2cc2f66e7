# shellcheck shell=bash
# The nodes' processes: known by process id and start time, so that a number that the kernel gave to somebody else
# since is never signalled.

readonly START_SECONDS=30 STOP_SECONDS=10 KILL_SECONDS=5

# State and start time of a process: "S 12345"; nothing if there is none.
process_facts() {
    local stat fields
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    # What follows the command's name, which may hold anything.
    read -ra fields <<<"${stat##*) }"
    printf '%s %s' "${fields[0]}" "${fields[19]}"
}

# Whether a node's process is there; sets PID and PROCESS_STATE.
running() {
    local started facts
    PID="" PROCESS_STATE=ended
    [[ -s $STATE/nodes/$1 ]] || return 1
    read -r PID started <"$STATE/nodes/$1"
    facts=$(process_facts "$PID")
    [[ -n $facts && ${facts#* } == "$started" && ${facts% *} != Z ]] || return 1
    case ${facts% *} in
        T | t) PROCESS_STATE=frozen ;;
        *) PROCESS_STATE=running ;;
    esac
}

start_node() {
    local name=$1 role=${ROLE[$1]} log facts
    local binary=$BINARIES/$role
    [[ -x $binary ]] || fail "there is no $binary: build all binaries first"
    mkdir -p "$DIRECTORY/data/$name"
    log=$DIRECTORY/data/$name/node.log
    # A session of its own: Ctrl-C in the terminal is not for it. The lock is for this command alone.
    setsid ip netns exec "$(namespace "$name")" "$binary" --config "$DIRECTORY/cluster.toml" --node "$name" \
        </dev/null >>"$log" 2>&1 9>&- &
    facts=$(process_facts "$!")
    printf '%s %s\n' "$!" "${facts#* }" >"$STATE/nodes/$name"
}

last_words() {
    say "$1 ended; its log $DIRECTORY/data/$1/node.log ends with:"
    tail -n 5 "$DIRECTORY/data/$1/node.log" | sed 's/^/    /' >&2
}

wait_until_up() {
    local deadline=$((SECONDS + START_SECONDS)) name said=""
    while true; do
        for name in "${NODES[@]}"; do
            running "$name" || { last_words "$name"; exit 1; }
        done
        if said=$(on_host client "$BINARIES/lockstep" status --config "$DIRECTORY/cluster.toml" --until up --patience 2 2>&1); then
            return 0
        fi
        ((SECONDS < deadline)) || fail "not up within $START_SECONDS s: $said"
    done
}

# Waits until a node's process has ended, so many seconds.
ends_within() {
    local name=$1 deadline=$((SECONDS + $2))
    while running "$name"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}

start_command() {
    require_node "${1:-}"
    ! running "$1" || fail "$1 runs already, as process $PID"
    if [[ -n ${LOCKSTEP_BINARIES:-} ]]; then BINARIES=$(realpath -e -- "$LOCKSTEP_BINARIES"); fi
    start_node "$1"
    running "$1" || { last_words "$1"; exit 1; }
    printf '%s started as process %s\n' "$1" "$PID"
}

kill_command() {
    require_node "${1:-}"
    local signal=${2:-KILL}
    signal=${signal#SIG}
    running "$1" || fail "$1 does not run"
    kill -s "$signal" "$PID"
    case $signal in
        KILL | 9 | TERM | 15 | INT | 2) ends_within "$1" "$STOP_SECONDS" || fail "$1 did not end within $STOP_SECONDS s of $signal" ;;
    esac
}

freeze_command() { signal_running "${1:-}" STOP; }
thaw_command() { signal_running "${1:-}" CONT; }

signal_running() {
    require_node "$1"
    running "$1" || fail "$1 does not run"
    kill -s "$2" "$PID"
}

print_hosts() {
    local name
    printf '%-14s %-22s %-13s %8s  %-8s %s\n' HOST NAMESPACE ADDRESS PID STATE FAULTS
    for name in "${HOSTS[@]}"; do
        PID=- PROCESS_STATE=-
        if [[ ${ROLE[$name]} != client ]]; then running "$name" || true; fi
        printf '%-14s %-22s %-13s %8s  %-8s %s\n' "$name" "$(namespace "$name")" "${ADDRESS[$name]}" "${PID:--}" "$PROCESS_STATE" "$(faults_of "$name")"
    done
}

# Ends whatever runs: the nodes in the order in which they can end well, then all that was started with `exec`.
stop_processes() {
    local role name names
    for role in gateway supervisor sequencer engine logger "*"; do
        names=()
        for name in "${NODES[@]}"; do
            # shellcheck disable=SC2053 # "*" is any role.
            if [[ ${ROLE[$name]} == $role ]] && running "$name"; then
                names+=("$name")
                kill -s TERM "$PID" 2>/dev/null || true
                kill -s CONT "$PID" 2>/dev/null || true
            fi
        done
        for name in "${names[@]}"; do
            ends_within "$name" "$STOP_SECONDS" && continue
            say "$name did not end within $STOP_SECONDS s of TERM: killed"
            if running "$name"; then kill -s KILL "$PID" 2>/dev/null || true; fi
            ends_within "$name" "$KILL_SECONDS" || say "$name, process $PID, cannot be killed"
        done
    done
    local signal namespace pid left
    for signal in TERM KILL; do
        left=""
        for namespace in $(namespaces_of_this_lab); do left+=" $(ip netns pids "$namespace")"; done
        [[ -n ${left//[[:space:]]/} ]] || return 0
        for pid in $left; do
            kill -s "$signal" "$pid" 2>/dev/null || true
            kill -s CONT "$pid" 2>/dev/null || true
        done
        local deadline=$((SECONDS + KILL_SECONDS))
        for pid in $left; do
            while [[ $(process_facts "$pid") == [!Z]* ]] && ((SECONDS < deadline)); do sleep 0.05; done
        done
    done
    for pid in $left; do
        [[ $(process_facts "$pid") != [!Z]* ]] || fail "process $pid cannot be ended"
    done
}

# Everything of this lab, however far it had come.
tear_down() {
    if [[ -s $STATE/hosts && ${#HOSTS[@]} == 0 ]]; then load_state; fi
    stop_processes
    remove_network
    [[ -z $(namespaces_of_this_lab) ]] || fail "namespaces of lab $LAB are left: ip netns list"
    rm -rf -- "$STATE"
}
