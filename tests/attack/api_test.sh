#!/bin/bash
# Unauthenticated clients at the API of an installed daemon: nothing without a key, broken and slow clients, ports that are taken.
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "unauthenticated clients at the API" "no package was built"; finish; }
address=$("$LAB" address "$NAME")
ulimit -n 4096

code() { curl -sk --max-time 120 -o /dev/null -w '%{http_code}' "$@" || true; }
# The status of the answer to these bytes, sent through TLS as they are.
raw() {
    printf '%b' "$1" | timeout 300 openssl s_client -quiet -connect "$address:8443" 2>/dev/null |
        head -n 1 | tr -d '\r' | cut -d ' ' -f 2 || true
}
resident() { in_lab_sh 'awk "/^VmRSS/ {print \$2}" "/proc/$(systemctl show -P MainPID genesisd)/status"'; }
fingerprint() { openssl s_client -connect "$address:8443" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256; }

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/healthz'
for method in GET PUT POST DELETE HEAD OPTIONS PATCH NONSENSE; do
    for path in /v1/info /v1/accounts/acme /healthz /metrics /openapi.json /no/such/path; do
        option=(-X "$method")
        [[ $method != HEAD ]] || option=(-I)
        said=$(code "${option[@]}" "https://$address:8443$path")
        [[ $said == 401 ]] || not_ok "$method $path without a key is 401" "it is $said"
    done
done
ok "every method and path was asked without a key"
check_is "nothing was stored" "[]" "$(in_lab genesisctl get accounts -o json | tr -d ' \n')"
check_is "probes are for anybody on the server" 200 "$(in_lab curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8444/openapi.json)"
check_is "there is nothing but probes" 404 "$(in_lab curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8444/v1/info)"
check_not "probes are not for other machines" curl -s --max-time 5 "http://$address:8444/healthz"
check_not "TLS 1.1 is refused" timeout 300 openssl s_client -connect "$address:8443" -tls1_1 -cipher 'ALL:@SECLEVEL=0' </dev/null
check "TLS 1.2 is spoken" timeout 300 openssl s_client -connect "$address:8443" -tls1_2 </dev/null
check_is "the key is root's alone" "600 root" "$(in_lab stat -c '%a %U' /var/lib/genesis/api-key.pem)"
check_has "info says where it listens" "https://0.0.0.0:8443" "$(in_lab genesisctl info)"

put='PUT /v1/accounts/acme HTTP/1.1\r\nHost: x\r\n'
check_is "two lengths are 400" 400 "$(raw "${put}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}")"
check_is "chunks are 411" 411 "$(raw "${put}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")"
check_is "two gigabytes are 413 before they are sent" 413 "$(raw "${put}Content-Length: 2147483648\r\n\r\n")"
check_is "nine kilobytes of header are 431" 431 "$(raw "${put}X: $(printf '%09000d' 0)\r\n\r\n")"
check_is "a NUL is 400" 400 "$(raw "${put}X: a\0b\r\n\r\n")"
check_is "a folded line is 400" 400 "$(raw "${put}X: a\r\n b\r\n\r\n")"
check_is "lines without CR are 400" 400 "$(raw 'GET /v1/info HTTP/1.1\nHost: x\n\n')"

before=$(resident)
slow=()
for i in $(seq 1000); do
    # One in four never says a word; the others send the beginning of a handshake and stop.
    exec {fd}<>"/dev/tcp/$address/8443" || continue
    slow+=("$fd")
    ((i % 4 == 0)) || { printf '\x16\x03\x01\x02\x00\x01' >&"$fd"; } 2>/dev/null || true
    ((i % 50 == 0)) || continue
    said=$(code "https://$address:8443/v1/info")
    [[ $said == 401 ]] || not_ok "a client among $i slow ones is answered" "it got $said"
    in_lab genesisctl info >/dev/null || not_ok "the socket answers among $i slow clients"
done
ok "clients were answered while a thousand slow ones were there"
grown=$(($(resident) - before))
if ((grown < 65536)); then ok "a thousand slow clients cost less than 64 MiB"; else not_ok "memory" "$grown KiB more"; fi
for fd in "${slow[@]}"; do exec {fd}>&-; done

in_lab_sh 'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=new.example \
    -keyout /var/lib/genesis/api-key.pem.new -out /var/lib/genesis/api-certificate.pem.new 2>/dev/null
    cd /var/lib/genesis; mv api-key.pem.new api-key.pem; mv api-certificate.pem.new api-certificate.pem'
wanted=$(in_lab openssl x509 -noout -fingerprint -sha256 -in /var/lib/genesis/api-certificate.pem)
is_new() { [[ $(fingerprint) == "$wanted" ]]; }
check "a new certificate is used without a restart" within 20 is_new
in_lab_sh 'echo broken >/var/lib/genesis/api-certificate.pem; systemctl kill -s HUP --kill-who=main genesisd'
check "a broken one is said" within 20 in_lab_sh 'journalctl -u genesisd | grep "certificate cannot be used" >/dev/null'
check "and the former stays" is_new

in_lab_sh 'rm /var/lib/genesis/api-*.pem; echo "listen: [\"0.0.0.0:3306\"]" >>/etc/genesis/genesis.yaml; systemctl restart genesisd'
check "with its port taken the daemon is up" in_lab systemctl is-active genesisd
says_which() { in_lab curl -s http://127.0.0.1:8444/readyz | grep "0.0.0.0:3306.*in use" >/dev/null; }
check "and says which" within 20 says_which
finish
