#!/bin/bash
# Two hundred accounts from one file: few reloads of Apache, and one site made bad from outside takes nobody with it.
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "two hundred accounts" "no package was built"; finish; }
address=$("$LAB" address "$NAME")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
accounts=200 bad=bulk007 changed=bulk008
mapfile -t all < <(seq -f 'bulk%03g' "$accounts")
mapfile -t good < <(printf '%s\n' "${all[@]}" | grep -vx "$bad")

# spec NAME [MORE]: MORE is put into its site.
spec() {
    cat <<SPEC
kind: account
name: $1
sites:
  - {domain: $1.example, aliases: [www.$1.example], php: {}${2:-}}
databases:
  - {name: shop, users: [{name: web, password: pw-of-$1}]}
---
SPEC
}
apply() { "$LAB" copy "$NAME" "$1" /root/spec.yaml && in_lab genesisctl apply -f /root/spec.yaml "${@:2}"; }
reloads() { in_lab grep -c 'AH00493' /var/log/apache2/error.log || true; }
apache() { in_lab systemctl show -p MainPID --value apache2; }
code() { curl -sk --max-time 120 -o /dev/null -w '%{http_code}' --resolve "$1:443:$2" "https://$1/" || true; }
export -f code
# serving NAME...: of these accounts the ones whose page is there, 20 asked at a time.
# shellcheck disable=SC2016
serving() { printf '%s\n' "$@" | xargs -P 20 -I{} bash -c '[[ $(code "$1.example" "$2") == 200 ]] && echo "$1" || true' serving {} "$address" | sort; }
shown() { in_lab genesisctl get "account/$bad" -o json; }

pid=$(apache)
before=$(reloads)
for name in "${all[@]}"; do spec "$name"; done >"$scratch/all.yaml"
begun=$EPOCHREALTIME
check "$accounts accounts applied from one file become ready" apply "$scratch/all.yaml" --wait --timeout 300s
took=$(awk "BEGIN { printf \"%d\", $EPOCHREALTIME - $begun }")
count=$(($(reloads) - before))
echo "# from apply to all ready: $took s; graceful restarts of Apache: $count"
# Changes gather for five seconds; how long they take to come in depends on the machine.
check "Apache is asked a few times, not once for each" test "$count" -ge 1 -a "$count" -le "$((2 + took / 5))"
check_is "it is the same Apache" "$pid" "$(apache)"
check_is "all $accounts sites answer over HTTPS" "$(printf '%s\n' "${all[@]}")" "$(serving "${all[@]}")"
check_is "with a PHP page of their own user" "as $bad</footer>" \
    "$(curl -sk --resolve "$bad.example:443:$address" "https://$bad.example/" | grep -o 'as [a-z0-9]*</footer>')"
check_is "nothing differs" "no drift" "$(in_lab genesisctl drift)"
after=$(reloads)
in_lab genesisctl reconcile --all >/dev/null
check_is "a look at everything finds nothing to do" "no drift" "$(in_lab genesisctl drift)"
check_is "and asks Apache nothing" "$after" "$(reloads)"

in_lab genesisctl pause "account/$bad" >/dev/null
in_lab_sh 'echo "-----BEGIN CERTIFICATE----- rubbish" >"/etc/genesis/tls/$1.example/chain.pem"' "$bad"
spec "$changed" ", redirects: [{from: /old, to: \"https://$changed.example/new\", code: 302}]" >"$scratch/changed.yaml"
check "with the certificate of one made rubbish, a change of another becomes ready" apply "$scratch/changed.yaml" --wait --timeout 300s
check_is "and is served" "302 https://$changed.example/new" \
    "$(curl -sk -o /dev/null -w '%{http_code} %{redirect_url}' --resolve "$changed.example:443:$address" "https://$changed.example/old")"
check_is "it is the same Apache" "$pid" "$(apache)"
check "whose configuration is valid" in_lab apache2ctl -t
check "the bad site is quarantined, its file says why" in_lab grep -q "$bad.example: .*chain.pem" "/etc/genesis/apache/quarantined/$bad.example.conf"
check_is "the $((accounts - 1)) others serve" "$(printf '%s\n' "${good[@]}")" "$(serving "${good[@]}")"
check "the account is shown to be not ready" within 10 in_lab_sh 'genesisctl get accounts --ready false | grep "^account/$1 " >/dev/null' "$bad"
check "as the only one" in_lab_sh '[[ $(genesisctl get accounts --ready false | grep -c ^account/) == 1 ]]'
check_has "what is said of it names the quarantine" quarantined "$(shown)"
check_has "its conditions do" quarantined "$(shown | sed -n '/"conditions"/,/\]/p')"
check_has "and the certificate" "/etc/genesis/tls/$bad.example" "$(shown)"
check_has "drift shows it" "quarantined" "$(in_lab genesisctl drift "account/$bad" || true)"

in_lab genesisctl resume "account/$bad" >/dev/null
check "resumed, it is ready again" in_lab genesisctl wait "account/$bad" --for=ready --timeout 300s
check_is "and serves" "$bad" "$(serving "$bad")"
check_is "and is not in quarantine any more" "" "$(in_lab ls -A /etc/genesis/apache/quarantined)"
check_is "nothing differs" "no drift" "$(in_lab genesisctl drift)"
check_is "all $accounts serve" "$(printf '%s\n' "${all[@]}")" "$(serving "${all[@]}")"
check_is "from the same Apache" "$pid" "$(apache)"
check_is "nothing failed" running "$(in_lab systemctl is-system-running || true)"
finish
