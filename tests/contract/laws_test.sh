#!/bin/bash
# The laws of the drivers and the MariaDB driver's deeds, by the unit tests' program on a real server without genesisd.
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
repo=$here/../..
program=$repo/build/release/genesis_tests
[[ -n ${DEB:-} && -x $program ]] || { skip "the laws on real drivers" "genesis_tests or the package was not built"; finish; }

"$LAB" copy "$NAME" "$program" /root/genesis_tests
in_lab_sh 'systemctl stop genesisd; touch /etc/genesis-lab'

# Catch2 takes a name as a pattern: a comma would begin another one.
pattern() { sed 's/[\\,[]/\\&/g' <<<"$1"; }
# one_test NAME: passes only when the test was really tried.
one_test() {
    local said
    said=$(in_lab env GENESIS_TEST_MARIADB=/run/mysqld/mysqld.sock timeout 300 /root/genesis_tests "$(pattern "$1")" 2>&1) || {
        printf '%s\n' "$said" | grep -vE '^(-+|=+|\.+|)$' | head -n 60
        return 1
    }
    if [[ $said != *"All tests passed"* || $said == *skipped:* || $said == *"not tried"* ]]; then
        printf '%s\n' "$said"
        return 1
    fi
}

mapfile -t laws < <(in_lab /root/genesis_tests --list-test-names-only '[real]' | sed '/^$/d' || true)
mapfile -t deeds < <(in_lab /root/genesis_tests --list-test-names-only '[mariadb]' | sed '/^$/d' || true)
check "there are laws and deeds to try" test "${#laws[@]}" -ge 4 -a "${#deeds[@]}" -ge 10
for test in "${laws[@]}" "${deeds[@]}"; do check "$test" one_test "$test"; done

left=$(in_lab_sh 'getent passwd lawful acme; ls /home /etc/genesis/apache/sites | grep -E "lawful|acme"; ls /etc/genesis/php /etc/genesis/tls /run/genesis/php
    ls /etc/systemd/system | grep genesis- ; mariadb -NBe "SHOW DATABASES LIKE \"%\\_%shop%\""; true' | grep -vE '^(|/.*:)$' || true)
check_is "they leave nothing behind" "" "$left"
check_is "and nothing failed" running "$(in_lab systemctl is-system-running || true)"
check "genesisd starts again" in_lab systemctl start genesisd
finish
