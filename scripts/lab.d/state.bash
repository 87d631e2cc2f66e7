# shellcheck shell=bash
# What is known of a lab between two commands: a directory under /run, gone with a reboot as the namespaces are.
#
#   directory   where configuration, logs and data are       binaries   where the binaries are
#   hosts       name, role and address of each, by tabs      made       there if `up` made the directory
#   nodes/NAME  process id and start time of the node        faults     one line for each (see faults.bash)

readonly LABS=/run/lockstep-lab
# Exit status for "this machine cannot have a lab".
readonly SKIPPED=77

declare -A ROLE=() ADDRESS=()
HOSTS=() NODES=()

say() { printf 'lab: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
# The command itself is wrong.
refuse() { say "$*"; exit 2; }
skip() { say "skipped: $*"; exit "$SKIPPED"; }

choose_lab() {
    [[ $1 =~ ^[a-z0-9]{1,16}$ ]] || refuse "\"$1\" is no id for a lab: 1 to 16 small letters and digits"
    readonly LAB=$1 STATE=$LABS/$1
}

require_lab_is_possible() {
    ((EUID == 0)) || skip "a lab makes network namespaces, which needs root: run it with sudo"
    local tool missing=()
    for tool in ip nft; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    ((${#missing[@]} == 0)) || skip "${missing[*]} missing: apt-get install iproute2 nftables"
}

load_state() {
    [[ -s $STATE/hosts ]] || fail "there is no lab $LAB: \`scripts/lab --lab $LAB up\` makes one"
    DIRECTORY=$(<"$STATE/directory")
    BINARIES=$(<"$STATE/binaries")
    local name role address
    while IFS=$'\t' read -r name role address; do
        HOSTS+=("$name")
        ROLE[$name]=$role
        ADDRESS[$name]=$address
        [[ $role == client ]] || NODES+=("$name")
    done <"$STATE/hosts"
}

# Two commands must not change one lab at the same time.
lock() {
    exec 9>"$STATE/lock"
    flock --wait 20 9 || fail "another command has been at work on lab $LAB for 20 s"
}

require_host() {
    [[ -n $1 && -n ${ROLE[$1]:-} ]] || refuse "lab $LAB has no host \"$1\"; it has ${HOSTS[*]}"
}

require_node() {
    require_host "$1"
    [[ ${ROLE[$1]} != client ]] || refuse "\"$1\" runs no node"
}

binaries_or_build() {
    local binaries
    if [[ -n ${LOCKSTEP_BINARIES:-} ]]; then
        binaries=$(realpath -e -- "$LOCKSTEP_BINARIES")
    else
        (cd "$here/.." && cargo build --release --locked --bins >&2)
        binaries=$(cd "$here/.." && realpath -e -- "${CARGO_TARGET_DIR:-target}/release")
    fi
    [[ -x $binaries/lockstep ]] || fail "there is no $binaries/lockstep: build all binaries first"
    printf '%s\n' "$binaries"
}
