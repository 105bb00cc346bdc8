#!/bin/bash
# Twenty times kill -9 of genesisd while 50 accounts are being made; what stands at the end is what one quiet run makes.
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "kill -9 while accounts are made" "no package was built"; finish; }
address=$("$LAB" address "$NAME")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
accounts=50 kills=20

mapfile -t all < <(seq -f 'crash%02g' "$accounts")
names() { printf '%s\n' "${all[@]}"; }
spec() {
    cat <<SPEC
kind: account
name: $1
sites:
  - {domain: $1.example, aliases: [www.$1.example], php: {}}
databases:
  - {name: shop, users: [{name: web, password: pw-of-$1}]}
---
SPEC
}
for name in $(names); do spec "$name"; done >"$scratch/all.yaml"
"$LAB" copy "$NAME" "$scratch/all.yaml" /root/all.yaml

# Kills the daemon with its work in hand, later and later after its start, and says how far it had come. What applies
# the file meets a dead daemon too and repeats itself, as a billing system would.
# shellcheck disable=SC2016
in_lab_sh '
    pid() { systemctl show -p MainPID --value genesisd; }
    (until genesisctl apply -f /root/all.yaml >/root/applied 2>&1; do sleep 0.05; done) &
    for ((i = 1; i <= $1; i++)); do
        sleep "0.$(printf %03d $((RANDOM % (20 * i))))"
        old=$(pid)
        kill -9 "$old"
        echo "kill $i: $(grep -c "^crash" /etc/passwd || true) users, $(ls /etc/genesis/tls | wc -l) certificates, $(
            ls /etc/systemd/system | grep -c "genesis-php-.*socket" || true) sockets, $(ls /var/lib/mysql | grep -c ^crash || true) databases, $(
            ls /etc/genesis/apache/sites | grep -c "^crash" || true) sites"
        for ((t = 0; t < 12000; t++)); do
            new=$(pid)
            ((new != 0 && new != old)) && break
            sleep 0.01
        done
        ((new != 0 && new != old)) || { echo "no new genesisd after 120 s"; exit 1; }
    done
    wait
    systemctl start genesisd  # has a process, but may not listen yet: waits until it says that it does
' "$kills" >"$scratch/kills" 2>&1 || true
sed 's/^/# /' "$scratch/kills"
check_is "genesisd was killed $kills times and came back each time" "$kills" "$(grep -c '^kill ' "$scratch/kills")"
check "at least three kills met it before all was made" test "$(grep '^kill ' "$scratch/kills" | grep -vc " $accounts sites$")" -ge 3
check_is "all $accounts specs are accepted in the end" "$accounts" "$(in_lab grep -c '^account/' /root/applied)"

begun=$SECONDS
check "then all of them are ready" in_lab genesisctl wait "${all[@]/#/account/}" --for=ready --timeout 300s
echo "# ready $((SECONDS - begun)) s after the last kill"

check_is "there are $accounts users in the range of accounts" "$accounts" "$(in_lab awk -F: '$3 >= 20000 && $3 <= 59999' /etc/passwd | wc -l)"
check_is "their numbers are unique" "$accounts" "$(in_lab awk -F: '$3 >= 20000 && $3 <= 59999 { print $3 }' /etc/passwd | sort -u | wc -l)"
check_is "and so are their groups" "$accounts" "$(in_lab awk -F: '$3 >= 20000 && $3 <= 59999 { print $3 }' /etc/group | sort -u | wc -l)"
check_is "every home belongs to its user" "" \
    "$(in_lab_sh 'for h in /home/*; do [[ $(stat -c "%U %G %a" $h) == "${h##*/} www-data 710" ]] || stat -c "%n %U %G %a" $h; done')"
check_is "there are $accounts homes" "$accounts" "$(in_lab ls -A /home | wc -l)"
check_is "there are $accounts sites" "$(names | sed 's/$/.example.conf/')" "$(in_lab ls -A /etc/genesis/apache/sites | grep -vx _genesis.conf)"
check_is "none is quarantined" "" "$(in_lab_sh 'ls -A /etc/genesis/apache/quarantined 2>/dev/null || true')"
check "what is staged is what is live" in_lab diff -r /etc/genesis/apache/staged /etc/genesis/apache/sites
check_is "there are $accounts certificates" "$accounts" "$(in_lab ls -A /etc/genesis/tls | wc -l)"
check_is "there are $accounts PHP configurations" "$accounts" "$(in_lab ls -A /etc/genesis/php | wc -l)"
check_is "there are $accounts sockets in the file system" "$accounts" "$(in_lab find /run/genesis/php -type s | wc -l)"
check_is "systemd listens at $accounts sockets" "$accounts" "$(in_lab systemctl list-units --plain --no-legend --state=active 'genesis-php-*.socket' | wc -l)"
check_is "there are $((2 * accounts)) units of PHP" "$((2 * accounts))" "$(in_lab_sh 'ls /etc/systemd/system | grep -c ^genesis-php-')"
check_is "there are $accounts databases" "$accounts" "$(in_lab mariadb -NBe "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'crash%'")"
check_is "there are $accounts database users" "$accounts" "$(in_lab mariadb -NBe "SELECT COUNT(*) FROM mysql.global_priv WHERE User LIKE 'crash%'")"
check_is "there are $accounts grants" "$accounts" "$(in_lab mariadb -NBe "SELECT COUNT(*) FROM mysql.db WHERE User LIKE 'crash%'")"
check_is "no temporary file is left over" "" \
    "$(in_lab_sh 'find /etc /home /var/lib/genesis /run/genesis /var/log/genesis -xdev \( -name ".genesis*" -o -name "*.tmp" -o -name "*.new" -o -name "*+" -o -name "*.lock" \) ! -name .pwd.lock')"
check_is "nothing differs, and nothing is an orphan" "no drift" "$(in_lab genesisctl drift)"
check_is "every generation is the first" "$accounts" "$(in_lab genesisctl get accounts -o json | grep -c '"generation": *1,\?$')"

# One PHP page a site, over HTTPS, 20 at a time.
page() {
    local said
    said=$(curl -sk --max-time 120 -w '\n%{http_code} after %{time_total} s' --resolve "$1.example:443:$2" "https://$1.example/") || true
    if grep -q "as $1</footer>" <<<"$said"; then echo "$1"; else echo "# $1 answered ${said##*$'\n'}" >&2; fi
}
export -f page
check_is "all $accounts sites answer with PHP as their own user" "$(names)" \
    "$(names | xargs -P 20 -I{} bash -c 'page "$1" "$2" || true' page {} "$address" | sort)"
check_is "each tenant gets into the own database" "$accounts" \
    "$(in_lab_sh 'for n in "$@"; do mariadb -u "${n}_web" -p"pw-of-$n" -NBe "SELECT 1" "${n}_shop" || true; done' "${all[@]}" | grep -c '^1$')"
check_is "nothing failed" running "$(in_lab systemctl is-system-running || true)"
finish
