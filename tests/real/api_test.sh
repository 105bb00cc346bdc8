#!/bin/bash
# Billing's way in, on an installed server: the README's example as it is printed, and the PHP client.
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "asking over HTTPS" "no package was built"; finish; }
repo=$(dirname -- "$(readlink -f -- "$0")")/../..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
in_lab_sh 'cd /root; umask 077; genesisctl keys add --kid billing --scopes account:write,read -o json >key.json
    grep -oE "[0-9a-f]{64}" key.json >genesis.key; rm key.json'
check_is "the key is 64 digits" 64 "$(in_lab_sh 'tr -d "\n" </root/genesis.key | wc -c')"
audience=$(in_lab_sh 'genesisctl info -o json | grep -oE "node:[^\"]*"')

sed -n '/^### Requests over HTTPS/,/^## /p' "$repo/README.md" | sed -n '/^```bash$/,/^```$/p' | sed '1d;$d' >"$work/example.sh"
"$LAB" copy "$NAME" "$work/example.sh" /root/example.sh
said=$(in_lab_sh "cd /root; audience=$audience bash example.sh")
check_has "the example of the README stores an account" '"result":"created"' "$said"
check_has "and shows it" '"contact":"owner@shop.example"' "$said"
check "it is made" in_lab genesisctl wait account/shop --for=ready --timeout 300s
check "its user is there" in_lab id shop
request=$(in_lab_sh 'genesisctl get account/shop -o json | grep -oE "\"request\": *\"[0-9a-f]{16}\"" | head -n 1 | grep -oE "[0-9a-f]{16}"')
check_has "the request is named in the history of what it caused" "$request" "$(in_lab genesisctl history account/shop -o json)"
check_has "and in the log" "$request" "$(in_lab_sh 'journalctl -u genesisd -o cat')"
check_has "the audit says which key it was" "key billing" "$(in_lab genesisctl audit)"

"$LAB" copy "$NAME" "$repo/specs/clients/php/Genesis.php" /root/Genesis.php
cat >"$work/client.php" <<'PHP'
<?php
require '/root/Genesis.php';
$key = trim(file_get_contents('/root/genesis.key'));
$ours = '/var/lib/genesis/api-certificate.pem';
$genesis = new Genesis\Client('https://127.0.0.1:8443', $argv[1], 'billing', $key, cafile: $ours);
function failure_of(callable $ask): string {
    try { $ask(); return 'nothing'; } catch (Genesis\Failure $failure) { return get_class($failure) . ' ' . $failure->getCode(); }
}
$genesis->put('accounts', 'dotcom', ['contact' => 'a@b.example']);
echo 'ready: ', $genesis->wait('accounts', 'dotcom', 30) ? 'yes' : 'no', "\n";
echo 'generation: ', $genesis->get('accounts', 'dotcom')->body['generation'], "\n";
echo 'spec: ', failure_of(fn () => $genesis->put('accounts', 'dotcom', ['nonsense' => 1])), "\n";
echo 'scope: ', failure_of(fn () => $genesis->put('packages', 'gold', [])), "\n";
$other = new Genesis\Client('https://127.0.0.1:8443', 'node:other', 'billing', $key, cafile: $ours);
echo 'audience: ', failure_of(fn () => $other->get('accounts', 'dotcom')), "\n";
$untrusting = new Genesis\Client('https://127.0.0.1:8443', $argv[1], 'billing', $key);
echo 'certificate: ', strtok(failure_of(fn () => $untrusting->get('accounts', 'dotcom')), ' '), "\n";
PHP
"$LAB" copy "$NAME" "$work/client.php" /root/client.php
said=$(in_lab timeout 300 php /root/client.php "$audience")
check_has "the PHP client stores an account and waits until it is ready" "ready: yes" "$said"
check_has "it reads its generation" "generation: 1" "$said"
check_has "a bad spec is a problem" 'spec: Genesis\Problem 422' "$said"
check_has "what the key may not do is a problem" 'scope: Genesis\Problem 403' "$said"
check_has "another node's audience is refused" 'audience: Genesis\Unauthorized' "$said"
check_has "an untrusted certificate is not spoken to" 'certificate: Genesis\Unreachable' "$said"

in_lab genesisctl keys revoke --kid billing >/dev/null
said=$(in_lab_sh "cd /root; audience=$audience bash example.sh")
check_has "a key that was revoked is refused at once" '"status":401' "$said"
finish
