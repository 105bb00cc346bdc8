#!/bin/bash
# Keys change while a hundred requests a second come in over HTTPS: none fails, and what is sent a second after a
# revocation is refused.
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "keys that change" "no package was built"; finish; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
umask 077

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
printf '{"contact": "cCHANGE@NAME.example"}' >"$scratch/spec"
# ask NAME KID KEYFILE OPTION...: in the background; what came of it stands in NAME.said. Half of its connections are new
# for each request, so that none is trusted for what it was before. `asking` is its number.
ask() {
    local name=$1 kid=$2 key=$3
    shift 3
    load "$kid" "$key" steady --objects "accounts:$name:1:$scratch/spec" --connections 8 --fresh 4 "$@" >"$scratch/$name.said" 2>&1 &
    asking=$!
}
said() { number_of "$2" "$(<"$scratch/$1.said")"; }
digits() { grep -oE '[0-9a-f]{64}'; }
now_ms() { date +%s%3N; }
# changed ACCOUNT TIMES: as many changes more than now were accepted; every connection has sent several requests by then,
# so none is under way that was signed before.
generation() { number_of '"generation":' "$(in_lab genesisctl get "account/$1" -o json 2>/dev/null | tr -d ,)"; }
is_at() { (($(generation "$1") >= $2)); }
changed() { within 30 is_at "$1" $(($(generation "$1") + $2)) || not_ok "$1 goes on"; }
# replace FILE: what comes in, whole from one moment to the next.
replace() { cat >"$1.new" && mv "$1.new" "$1"; }

# ---- rotation. One caller takes the new secret at once, another goes on with the old one until shortly before it ends
make_key billing account:write,read >"$scratch/prompt.key"
cp "$scratch/prompt.key" "$scratch/late.key"
cp "$scratch/prompt.key" "$scratch/first.key"
touch "$scratch/going"
ask prompt billing "$scratch/prompt.key" --rate 60 --seconds 600 --while "$scratch/going"
prompt=$asking
ask late billing "$scratch/late.key" --rate 60 --seconds 600 --while "$scratch/going"
late=$asking
rotations=6
changed prompt0 20
changed late0 20
for ((i = 1; i <= rotations; i++)); do
    in_lab genesisctl keys rotate --kid billing --overlap 10m -o json | digits >"$scratch/next.key"
    replace "$scratch/prompt.key" <"$scratch/next.key"
    changed late0 30
    replace "$scratch/late.key" <"$scratch/next.key"
    changed late0 30
    changed prompt0 30
done
rm "$scratch/going"
wait "$prompt" "$late"
for name in prompt late; do
    sed "s/^/# $name: /" "$scratch/$name.said"
    check_is "$name: nothing failed during $rotations rotations" "0 0 0" "$(said "$name" refused) $(said "$name" other) $(said "$name" broken)"
    check "$name: hundreds of requests were asked" test "$(said "$name" accepted)" -ge $((60 * rotations))
done
echo "# together $((($(said prompt accepted) + $(said late accepted)) / $(said prompt seconds))) a second were answered"
load billing "$scratch/first.key" steady --objects "accounts:prompt:1:$scratch/spec" --seconds 1 --rate 10 >"$scratch/first.said"
check_is "the first secret is refused, each time" "$(said first asked) 0" "$(said first refused) $(said first accepted)"
load billing "$scratch/prompt.key" steady --objects "accounts:prompt:1:$scratch/spec" --seconds 1 --rate 10 >"$scratch/last.said"
check_is "the last one is good, each time" "$(said last asked) 0" "$(said last accepted) $(said last refused)"
check "and the accounts are made" in_lab genesisctl wait account/prompt0 account/late0 --timeout 300s

# ---- revocation, on connections that stay and on new ones, while another key goes on
make_key partner account:write,read >"$scratch/partner.key"
ask revoked partner "$scratch/partner.key" --rate 100 --seconds 600 --until-refused
revoked=$asking
touch "$scratch/going"
ask bystander billing "$scratch/prompt.key" --rate 30 --seconds 600 --while "$scratch/going"
bystander=$asking
changed revoked0 80
in_lab genesisctl keys revoke --kid partner >/dev/null
done_at=$(now_ms)
wait "$revoked"
rm "$scratch/going"
wait "$bystander"
sed 's/^/# revoked: /' "$scratch/revoked.said"
check "a revoked key was good before" test "$(said revoked accepted)" -ge 150
check "it is refused after the revocation" test "$(said revoked first_refused)" -gt 0
check "nothing that is sent more than a second after the revocation is accepted" test "$(said revoked last_accepted)" -lt $((done_at + 1000))
echo "# last accepted $(($(said revoked last_accepted) - done_at)) ms, first refused $(($(said revoked first_refused) - done_at)) ms after the revocation was acknowledged"
check_is "there is no other answer" "0 0" "$(said revoked other) $(said revoked broken)"
check_is "another key is as good as before" "$(said bystander asked) 0" "$(said bystander accepted) $(said bystander broken)"
finish
