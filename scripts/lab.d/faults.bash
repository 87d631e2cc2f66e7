# shellcheck shell=bash
# Faults of the network: rules of the switch. A sender learns nothing of what is lost, as with a real cable; rules
# on the sender's own host would make its calls fail.
#
#   loss HOST PER_MILLE all|udp    of what the switch would hand to HOST
#   link FROM TO HOST              nothing goes from FROM to TO; "*" is everyone; laid on HOST

apply_faults() {
    local switch host kind a b c rules
    switch=$(namespace switch)
    rules="add table bridge lab"$'\n'
    rules+="add chain bridge lab forward { type filter hook forward priority 0; policy accept; }"$'\n'
    # A named counter lasts when the rules are written again.
    for host in "${HOSTS[@]}"; do rules+="add counter bridge lab $(port "$host")"$'\n'; done
    rules+="flush chain bridge lab forward"$'\n'
    # First what is cut, so that loss counts only what was still to arrive.
    while read -r kind a b c; do
        [[ $kind == link ]] || continue
        rules+="add rule bridge lab forward"
        [[ $a == "*" ]] || rules+=" iifname $(port "$a")"
        [[ $b == "*" ]] || rules+=" oifname $(port "$b")"
        rules+=" counter name $(port "$c") drop"$'\n'
    done <"$STATE/faults"
    while read -r kind a b c; do
        [[ $kind == loss ]] || continue
        local which="ether type ip"
        [[ $c == all ]] || which="ip protocol udp"
        rules+="add rule bridge lab forward oifname $(port "$a") $which numgen random mod 1000 < $b counter name $(port "$a") drop"$'\n'
    done <"$STATE/faults"
    ip netns exec "$switch" nft -f - <<<"$rules"
}

# Writes the faults again without those that a pattern finds, and with the lines that are given.
change_faults() {
    local without=$1 line
    shift
    {
        while IFS= read -r line; do
            # shellcheck disable=SC2254
            case $line in $without) ;; *) printf '%s\n' "$line" ;; esac
        done <"$STATE/faults"
        if (($#)); then printf '%s\n' "$@"; fi
    } >"$STATE/faults.new"
    mv "$STATE/faults.new" "$STATE/faults"
    apply_faults
}

loss_command() {
    local host=${1:-} share=${2:-} which=all
    require_host "$host"
    case ${3:-} in
        "") ;;
        --udp) which=udp ;;
        *) refuse "loss takes no \"$3\"" ;;
    esac
    [[ $share =~ ^([0-9]{1,3})(\.([0-9]))?%$ ]] || refuse "\"$share\" is no share: 5% or 0.5%, in steps of 0.1%"
    local per_mille=$((10#${BASH_REMATCH[1]} * 10 + 10#${BASH_REMATCH[3]:-0}))
    ((per_mille <= 1000)) || refuse "$share is more than everything"
    if ((per_mille == 0)); then
        change_faults "loss $host *"
    else
        change_faults "loss $host *" "loss $host $per_mille $which"
    fi
}

cut_command() {
    local host=${1:-} way=both other="*"
    require_host "$host"
    shift
    while (($#)); do
        case $1 in
            --one-way) way=${2:-}; [[ $way == in || $way == out ]] || refuse "--one-way needs in or out"; shift 2 ;;
            --from) other=${2:-}; require_host "$other"; [[ $other != "$host" ]] || refuse "$host has no link to itself"; shift 2 ;;
            *) refuse "cut takes no \"$1\"" ;;
        esac
    done
    local links=()
    if [[ $way != out ]]; then links+=("link $other $host $host"); fi
    if [[ $way != in ]]; then links+=("link $host $other $host"); fi
    local link
    for link in "${links[@]}"; do change_faults "${link//\*/\\*}" "$link"; done
}

heal_command() {
    if (($# == 0)); then
        change_faults "*"
        return
    fi
    require_host "$1"
    # Wherever it is named: a cut between two ends with either.
    local kept=() kind a b c
    while read -r kind a b c; do
        if [[ $a == "$1" || ($kind == link && ($b == "$1" || $c == "$1")) ]]; then continue; fi
        kept+=("$kind $a $b $c")
    done <"$STATE/faults"
    change_faults "*" "${kept[@]}"
}

# The faults of a host in words, and how many packets they took.
faults_of() {
    local host=$1 kind a b c words=() dropped
    while read -r kind a b c; do
        case $kind:$a:$b in
            loss:"$host":*)
                local only=""
                if [[ $c == udp ]]; then only=" of udp"; fi
                words+=("loses $((b / 10)).$((b % 10))%$only") ;;
            link:"*:$host") words+=("hears nobody") ;;
            link:"$host:*") words+=("heard by nobody") ;;
            link:*":$host") words+=("does not hear $a") ;;
            link:"$host":*) words+=("not heard by $b") ;;
        esac
    done <"$STATE/faults"
    dropped=$(ip netns exec "$(namespace switch)" nft list counter bridge lab "$(port "$host")")
    if [[ $dropped =~ packets\ ([1-9][0-9]*) ]]; then words+=("${BASH_REMATCH[1]} packets lost so far"); fi
    local IFS=,
    printf '%s' "${words[*]}" | sed 's/,/, /g'
}
