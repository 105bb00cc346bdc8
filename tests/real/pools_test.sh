#!/bin/bash
# A changed pool reaches PHP by a reload: requests meanwhile are answered, systemd reads no unit again, and the PHP of
# others is not touched. What 0.1.0 left on disk is taken over.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "a changed pool" "no package was built"; finish; }
address=$("$LAB" address "$NAME")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

g() { in_lab genesisctl "$@"; }
# web DOMAIN PATH [OPTION...]
web() { curl -s --max-time 20 --resolve "$1:80:$address" "${@:3}" "http://$1$2" || true; }
version=$(php_version)
service=genesis-php-pool-$version.service units=/etc/systemd/system
show() { in_lab systemctl show -p "$1" --value "${2:-$service}"; }
units_read() { in_lab systemctl show -p UnitsLoadTimestampMonotonic --value; }
# spec MAX_CHILDREN MEMORY_LIMIT
spec() {
    printf 'kind: account\nname: pool\nsites:\n  - {domain: pool.example, php: {version: "%s", max_children: %s, settings: {memory_limit: %s}}}\n' "$version" "$1" "$2" |
        in_lab_sh 'cat >/root/pool.yaml; genesisctl apply -f /root/pool.yaml --wait --timeout 60s'
}
limit() { web pool.example /limit.php; }
sees() { [[ $(limit) == "$1" ]]; }
printf 'kind: account\nname: other\nsites: [{domain: other.example, php: {version: "%s"}}]\n' "$version" | in_lab_sh 'cat >/root/other.yaml'
check "an account is ready" spec 4 64M
check "and another" g apply -f /root/other.yaml --wait --timeout 60s
in_lab_sh 'page=/home/pool/sites/pool.example/public/limit.php; cat >"$page"; chown pool: "$page"' <<<'<?php echo ini_get("memory_limit");'
check_is "its PHP has the limit of its spec" 64M "$(limit)"
check_has "the other's PHP runs" "as other</footer>" "$(web other.example /)"
master=$(show MainPID) other=$(show MainPID "genesis-php-other-$version.service") read=$(units_read)

# asking FILE: a request each 20 ms, whatever becomes of the ones before, until `enough`.
"$LAB" copy "$NAME" "$(dirname -- "$(readlink -f -- "$0")")/steady.php" /root/steady.php
asking() { in_lab rm -f /root/enough && in_lab php /root/steady.php pool.example /limit.php /root/enough >"$1"; }
enough() { in_lab touch /root/enough; wait "$asker"; }
# check_asked FILE WHEN: there were at least 20 requests a second, and each was answered in whole.
check_asked() {
    local count seconds answers
    read -r count seconds < <(sed -n 's/^began \(.*\) in \(.*\)$/\1 \2/p' "$1")
    answers=$(grep -v ^began "$1")
    echo "# $count requests in $seconds s $2, the slowest took $(sort -n -k 2 <<<"$answers" | tail -n 1 | cut -d ' ' -f 2) s"
    check "at least twenty requests a second were made $2" awk "BEGIN { exit !($count >= 20 * $seconds) }"
    check_is "each was answered" "$count" "$(wc -l <<<"$answers")"
    check_is "by PHP, in whole" "" "$(grep -vE '^200 [0-9.]+ [0-9]+M$' <<<"$answers" | head -n 5 || true)"
}
asking "$scratch/answers" &
asker=$!
changes=8
for ((i = 1; i <= changes; i++)); do
    spec $((4 + i)) $((64 + i))M >"$scratch/apply" 2>&1 || not_ok "change $i is ready" "$(<"$scratch/apply")"
    check "change $i reaches PHP" within 20 sees $((64 + i))M
done
enough
check_asked "$scratch/answers" "during $changes changes"
check_is "PHP was not stopped: it is the same master" "$master" "$(show MainPID)"
check_is "with the other's" "$other" "$(show MainPID "genesis-php-other-$version.service")"
check_is "systemd has read no unit again" "$read" "$(units_read)"
check_is "and need not" no "$(show NeedDaemonReload)"
check_is "nothing differs" "no drift" "$(g drift)"

# A change of what systemd must know still stops the service, and its next request starts the new one.
printf '  - {domain: second.example, php: {version: "%s"}}\n' "$version" | in_lab_sh 'cat >>/root/pool.yaml'
check "a second site is ready" g apply -f /root/pool.yaml --wait --timeout 60s
check_has "and served by PHP" "as pool</footer>" "$(web second.example /)"
check_is "as is the first" "$((64 + changes))M" "$(limit)"
check_is "the other's PHP is the same still" "$other" "$(show MainPID "genesis-php-other-$version.service")"

# While nothing runs, a change starts nothing.
in_lab systemctl stop "$service"
in_lab_sh 'sed -i "s/memory_limit: [0-9]*M/memory_limit: 99M/" /root/pool.yaml'
check "a change of a service at rest is ready" g apply -f /root/pool.yaml --wait --timeout 60s
check_is "and it stays at rest" inactive "$(show ActiveState)"
check_is "until somebody asks" 99M "$(limit)"

# As 0.1.0 left it: the configuration beside, records with all settings in the units, one digest as the stamp.
in_lab_sh 'systemctl stop genesisd
    php=/etc/genesis/php/pool-$2 unit=genesis-php-pool-$2
    mv "$php/pools.conf" "$php.conf"; rmdir "$php"
    record=$(head -n 1 "$php.conf"); record=${record#; genesis }
    cd "$1"
    for kind in service socket; do
        { printf "# genesis %s\n" "$record"; tail -n +2 "$unit.$kind"; } >/root/unit; cat /root/unit >"$unit.$kind"
    done
    sed -i -e "/^ExecReload=/d" -e "s,$php/pools.conf,$php.conf," -e "s,^BindReadOnlyPaths=.*,BindReadOnlyPaths=$php.conf," "$unit.service"
    { cat "$php.conf"; printf "\0"; cat "$unit.service"; printf "\0"; cat "$unit.socket"; } | sha256sum | cut -d " " -f 1 | tr -d "\n" >"/var/lib/genesis/php/pool-$2"
    systemctl daemon-reload; systemctl restart "$unit.socket"' "$units" "$version"
check_is "as 0.1.0 left it, PHP answers" 99M "$(limit)"
socket=$(in_lab systemctl show -p InvocationID --value "genesis-php-pool-$version.socket")
asking "$scratch/migration" &
asker=$!
in_lab systemctl start genesisd
check "this version takes it over" within 20 in_lab test -e "/etc/genesis/php/pool-$version/pools.conf"
check "and comes to rest" within 20 in_lab_sh '[[ $(genesisctl drift) == "no drift" ]]'
check_is "PHP answers as before" 99M "$(limit)"
enough
check_asked "$scratch/migration" "while this version took it over"
check_is "its socket was never closed" "$socket" "$(in_lab systemctl show -p InvocationID --value "genesis-php-pool-$version.socket")"
check_not "and the old file is gone" in_lab test -e "/etc/genesis/php/pool-$version.conf"
check_is "the other's PHP is the same still" "$other" "$(show MainPID "genesis-php-other-$version.service")"
check_is "nothing failed" running "$(in_lab systemctl is-system-running || true)"
finish
