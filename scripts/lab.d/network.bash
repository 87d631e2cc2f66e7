# shellcheck shell=bash
# The network: a switch, which is a bridge in a namespace of its own, and a namespace with one link to it for each host.
#
# The bridge lies in no namespace of the machine's, so that two labs can have the same addresses, and neither the
# machine's routes nor its packet filter see what passes.

namespace() { printf 'ls-%s-%s' "$LAB" "$1"; }

# The switch's end of a host's link: "p" and the last octet of its address.
port() { printf 'p%s' "${ADDRESS[$1]##*.}"; }

on_host() {
    local name=$1
    shift
    ip netns exec "$(namespace "$name")" "$@"
}

# Runs a command that only works where the kernel has what is named.
try() {
    local what=$1 said
    shift
    said=$("$@" 2>&1) || skip "this machine has no $what: \`$*\` says: ${said//$'\n'/ }"
}

make_switch() {
    local switch
    switch=$(namespace switch)
    try "network namespaces" ip netns add "$switch"
    try "bridges" ip -n "$switch" link add br0 type bridge
    # Without snooping the bridge floods multicast to every port, as a plain switch does; nobody here sends the
    # queries that snooping would need.
    ip -n "$switch" link set br0 type bridge mcast_snooping 0 stp_state 0
    [[ $(ip -n "$switch" -d link show br0) == *"mcast_snooping 0"* ]] || fail "the bridge keeps snooping on multicast"
    ip -n "$switch" link set br0 up
    try "nftables for bridges" ip netns exec "$switch" nft add table bridge probe
    try "nftables for bridges" ip netns exec "$switch" nft "add chain bridge probe forward { type filter hook forward priority 0; }"
    try "random numbers in nftables" ip netns exec "$switch" nft add rule bridge probe forward numgen random mod 1000 '<' 1 drop
    ip netns exec "$switch" nft delete table bridge probe
}

connect_host() {
    local name=$1 switch host port
    switch=$(namespace switch)
    host=$(namespace "$name")
    port=$(port "$name")
    ip netns add "$host"
    try "veth pairs" ip -n "$switch" link add "$port" type veth peer name eth0 netns "$host"
    ip -n "$switch" link set "$port" master br0 up
    # One segment a packet: else the kernel carries many datagrams over the link as one, and losing it would lose all.
    ip -n "$host" link set eth0 gso_max_segs 1 2>/dev/null || say "this kernel joins datagrams on links: losses on $name come in bursts"
    ip -n "$host" -batch - <<COMMANDS
link set lo up
addr add ${ADDRESS[$name]}/24 dev eth0
link set eth0 up
route add 224.0.0.0/4 dev eth0
COMMANDS
}

namespaces_of_this_lab() {
    local name _
    while read -r name _; do
        if [[ $name == "ls-$LAB-"* ]]; then printf '%s\n' "$name"; fi
    done < <(ip netns list)
}

remove_network() {
    local name
    for name in $(namespaces_of_this_lab); do
        # A namespace goes some time after its name; the links are not to outlive the command.
        ip -n "$name" link delete br0 2>/dev/null || true
        ip -n "$name" link delete eth0 2>/dev/null || true
        ip netns delete "$name"
    done
}
