#!/bin/bash
# On an installed server: the webhook, receiver, probes and metrics of the README, as they are printed.
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "webhooks and metrics" "no package was built"; finish; }
repo=$(dirname -- "$(readlink -f -- "$0")")/../..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# printed HEADING LANGUAGE: the README's example under that heading.
printed() { sed -n "/^### $1/,/^##* /{/^\`\`\`$2\$/,/^\`\`\`\$/p}" "$repo/README.md" | sed '1d;$d'; }
# give FILE: what comes in is that file on the server.
give() { cat >"$work/given"; "$LAB" copy "$NAME" "$work/given" "$1"; }

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
in_lab mkdir /root/receiver
"$LAB" copy "$NAME" "$repo/specs/clients/php/Genesis.php" /root/receiver/Genesis.php
printed "Webhooks" php | give /root/receiver/hook.php
in_lab_sh 'cd /root/receiver; systemd-run -q --unit receiver --working-directory /root/receiver php -S 127.0.0.1:9000 hook.php'
printed "Webhooks" bash | give /root/webhooks.sh
check "the example of the README configures a webhook" in_lab bash -euo pipefail /root/webhooks.sh
echo '{kind: account, name: shop}' | give /root/shop.yaml
check "an account is made" in_lab genesisctl apply -f /root/shop.yaml --wait
check "the receiver of the README gets the event and accepts its signature" within 20 in_lab grep -q '"type":"object.ready","object":"account/shop"' \
    /root/receiver/events.log
forged=$(in_lab_sh 'curl -s -o /dev/null -w "%{http_code}" --json "{}" http://127.0.0.1:9000/hook')
check_is "what is not signed it refuses" 401 "$forged"

printed "Probes and metrics" bash | give /root/watch.sh
said=$(in_lab bash -euo pipefail /root/watch.sh)
check_has "the README's probes say that it works" '{"status":"ok"}' "$said"
check_has "and that it has seen the server" '{"status":"ready"}' "$said"
names=$(sed -n '/^### Probes and metrics/,/^## /p' "$repo/README.md" | grep -oE 'genesis_[a-z_]+' | sort -u)
check "the README names metrics" test -n "$names"
for name in $names; do check_has "$name is among the metrics" $'\n'"$name"$'\n' $'\n'"$said"$'\n'; done
check "the delivered webhook is counted" in_lab_sh \
    'curl -s http://127.0.0.1:8444/metrics | grep -E "^genesis_webhook_deliveries_total.*answered.* [1-9]" >/dev/null'
finish
