<?php
// Writes specs/signing/vectors.json from the rule as design.md 3 words it, with nothing of the client or the daemon.
// Deterministic: php tests/clients/php/make_vectors.php >specs/signing/vectors.json
declare(strict_types=1);

const KEYS = ['billing' => 'first', 'billing-2' => 'second', 'aaaa' => 'third'];

function key_of(string $seed): string
{
    return hash('sha256', "a key of the test vectors, never one of a server: $seed", true);
}

function nonce_of(string $name): string
{
    return rtrim(strtr(base64_encode(substr(hash('sha256', "nonce of $name", true), 0, 16)), '+/', '-_'), '=');
}

function lines(string ...$lines): string
{
    return implode('', array_map(static fn (string $line): string => "$line\n", $lines));
}

$accounts = '/v1/accounts/acme';
$json = 'application/json';
$spec = '{"kind":"account","name":"acme","package":"starter","sites":[{"domain":"acme.example"}]}';
$now = 1790000000;

// [name, method, target, content type, If-Match, body, other fields]
$requests = [
    ['a PUT of an account', 'PUT', $accounts, $json, '-', $spec],
    ['the same with If-Match', 'PUT', $accounts, $json, '"7"', $spec],
    ['the same with a changed body', 'PUT', $accounts, $json, '-', str_replace('starter', 'Starter', $spec)],
    ['the same with a space more', 'PUT', $accounts, $json, '-', "$spec "],
    ['the same with an LF more', 'PUT', $accounts, $json, '-', "$spec\n"],
    ['the same for another node', 'PUT', $accounts, $json, '-', $spec, ['audience' => 'node:web2']],
    ['the same with another key of the same id', 'PUT', $accounts, $json, '-', $spec, ['key' => 'rotated']],
    ['the same with another key id', 'PUT', $accounts, $json, '-', $spec, ['kid' => 'billing-2']],
    ['the same with another nonce', 'PUT', $accounts, $json, '-', $spec, ['nonce' => 'AAAAAAAAAAAAAAAAAAAAAA']],
    ['the same a second later', 'PUT', $accounts, $json, '-', $spec, ['ts' => $now + 1]],
    ['the same to another path', 'PUT', '/v1/accounts/acmf', $json, '-', $spec],
    ['the same as a dry run', 'PUT', "$accounts?dry_run=true", $json, '-', $spec],
    ['a GET has no content type: its line is empty', 'GET', $accounts, '', '-', ''],
    ['a GET of a list', 'GET', '/v1/accounts', '', '-', ''],
    ['a GET with every character of a query', 'GET', '/v1/accounts?limit=100&after=acme&x=AZaz09_.:-', '', '-', ''],
    ['a GET with an empty query', 'GET', '/v1/accounts?', '', '-', ''],
    ['a GET of the plan', 'GET', "$accounts/plan", '', '-', ''],
    ['a GET of the drift of the whole server', 'GET', '/v1/drift', '', '-', ''],
    ['a GET of the history before an entry', 'GET', "$accounts/history?limit=5&before=1200", '', '-', ''],
    ['a GET of the events', 'GET', '/v1/events', '', '-', ''],
    ['a GET of a name with every character of a path', 'GET', '/v1/accounts/a-b_c.d0', '', '-', ''],
    ['a segment that begins with a dot is none of the dot segments', 'GET', '/v1/accounts/.a/..b/...', '', '-', ''],
    ['a HEAD', 'HEAD', $accounts, '', '-', ''],
    ['an OPTIONS', 'OPTIONS', $accounts, '', '-', ''],
    ['a PATCH', 'PATCH', $accounts, $json, '-', '{}'],
    ['a TRACE', 'TRACE', $accounts, '', '-', ''],
    ['a method nobody knows', 'M-SEARCH', $accounts, '', '-', ''],
    ['a lower-case method is another one', 'put', $accounts, $json, '-', $spec],
    ['a DELETE', 'DELETE', $accounts, '', '-', ''],
    ['a DELETE that purges, of one generation', 'DELETE', "$accounts?purge=true", '', '"12"', ''],
    ['a POST without a body', 'POST', "$accounts/reconcile", '', '-', ''],
    ['a POST with a query', 'POST', "$accounts/reconcile?confirm_removals=true", '', '-', ''],
    ['a POST of credentials', 'POST', "$accounts/credentials", '', '-', ''],
    ['a body without a content type', 'PUT', $accounts, '', '-', $spec],
    ['a content type without a body', 'GET', $accounts, $json, '-', ''],
    ['a content type with a parameter', 'PUT', $accounts, 'application/json; charset=utf-8', '-', $spec],
    ['a content type in upper case is as it was sent', 'PUT', $accounts, 'APPLICATION/JSON', '-', $spec],
    ['If-Match that is a star', 'PUT', $accounts, $json, '*', $spec],
    ['If-Match without quotes is signed as it was sent', 'PUT', $accounts, $json, '7', $spec],
    ['If-Match of several', 'PUT', $accounts, $json, '"1", "2"', $spec],
    ['If-Match that is weak', 'PUT', $accounts, $json, 'W/"1"', $spec],
    ['a body in UTF-8', 'PUT', $accounts, $json, '-', '{"suspend_reason":"Zahlung überfällig – 未払い 🧾"}'],
    ['decomposed UTF-8 is not composed', 'PUT', $accounts, $json, '-', "{\"suspend_reason\":\"u\u{308}\"}"],
    ['a body that begins with a byte order mark', 'PUT', $accounts, $json, '-', "\u{feff}{}"],
    ['a body with a NUL', 'PUT', $accounts, $json, '-', "{\"name\":\"a\0b\"}"],
    ['a body of every byte', 'PUT', $accounts, 'application/octet-stream', '-', implode(array_map('chr', range(0, 255)))],
    ['a body that is no UTF-8', 'PUT', $accounts, $json, '-', "\xff\xfe\xc0\x80"],
    ['a body of one LF', 'PUT', $accounts, $json, '-', "\n"],
    ['a body of CR LF', 'PUT', $accounts, $json, '-', "{}\r\n"],
    ['a body that looks like lines to sign', 'PUT', $accounts, $json, '-', "GNS1-HMAC-SHA256\nbilling\n$now\n"],
    ['a body of 63 bytes', 'PUT', $accounts, $json, '-', str_repeat('x', 63)],
    ['a body of 64 bytes, a block of SHA-256', 'PUT', $accounts, $json, '-', str_repeat('x', 64)],
    ['a long body', 'PUT', $accounts, $json, '-', '{"suspend_reason":"' . str_repeat('0123456789', 2000) . '"}'],
    ['a long target', 'GET', '/v1/accounts/' . str_repeat('a', 1000) . '?after=' . str_repeat('b', 1000), '', '-', ''],
    ['the shortest key id', 'GET', $accounts, '', '-', '', ['kid' => 'aaaa']],
    ['the longest key id', 'GET', $accounts, '', '-', '', ['kid' => 'a-0123456789-0123456789-01234567']],
    ['a key id of digits', 'GET', $accounts, '', '-', '', ['kid' => '0000']],
    ['a nonce with - and _', 'GET', $accounts, '', '-', '', ['nonce' => '-_-_-_-_-_-_-_-_-_-_-_']],
    ['the first second', 'GET', $accounts, '', '-', '', ['ts' => 0]],
    ['the second of which 32 bits have no next', 'GET', $accounts, '', '-', '', ['ts' => 2147483647]],
    ['the second after it', 'GET', $accounts, '', '-', '', ['ts' => 2147483648]],
    ['the last second of the year 9999', 'GET', $accounts, '', '-', '', ['ts' => 253402300799]],
    ['a key of zero bytes', 'GET', $accounts, '', '-', '', ['key_hex' => str_repeat('00', 32)]],
    ['a key of 0xff bytes', 'GET', $accounts, '', '-', '', ['key_hex' => str_repeat('ff', 32)]],
    ['an audience of a full name', 'GET', $accounts, '', '-', '', ['audience' => 'node:web1.example.com']],
];

// A webhook is signed by the same rule: its receiver is the audience, its target that of the receiver's URL.
$hooks = [
    ['a webhook', 'POST', '/genesis/hook.php?tenant=7', $json, '-', '{"seq":42,"type":"object.ready"}' . "\n",
        ['audience' => 'webhook:billing']],
    ['a webhook to the root', 'POST', '/', $json, '-', '{}', ['audience' => 'webhook:billing']],
];

function request_vector(array $request, int $now): array
{
    [$name, $method, $target, $type, $if_match, $body] = $request;
    $other = $request[6] ?? [];
    $kid = $other['kid'] ?? 'billing';
    $key_hex = $other['key_hex'] ?? bin2hex(key_of($other['key'] ?? KEYS[$kid] ?? $kid));
    $ts = $other['ts'] ?? $now;
    $nonce = $other['nonce'] ?? nonce_of($name);
    $audience = $other['audience'] ?? 'node:web1';
    $string = lines('GNS1-HMAC-SHA256', $kid, (string) $ts, $nonce, $method, $audience, $target, $type, $if_match,
        hash('sha256', $body));
    $sig = hash_hmac('sha256', $string, hex2bin($key_hex));
    return ['name' => $name, 'key_hex' => $key_hex, 'kid' => $kid, 'ts' => $ts, 'nonce' => $nonce,
        'method' => $method, 'audience' => $audience, 'target' => $target, 'content_type' => $type,
        'if_match' => $if_match]
        + (preg_match('//u', $body) && !str_contains($body, "\0")
            ? ['body' => $body] : ['body_base64' => base64_encode($body)])
        + ['string' => $string, 'sig' => $sig,
            'authorization' => "GNS1-HMAC-SHA256 kid=$kid,ts=$ts,nonce=$nonce,sig=$sig"];
}

// [name, status, body, other fields]
$answers = [
    ['a PUT that created', 202, '{"kind":"account","name":"acme","generation":1,"result":"created"}' . "\n"],
    ['a PUT that changed nothing', 200, '{"kind":"account","name":"acme","generation":1,"result":"unchanged"}' . "\n"],
    ['the same without its LF', 200, '{"kind":"account","name":"acme","generation":1,"result":"unchanged"}'],
    ['the same for another request', 200, '{"kind":"account","name":"acme","generation":1,"result":"unchanged"}' . "\n",
        ['nonce' => 'AAAAAAAAAAAAAAAAAAAAAA']],
    ['the same with another key', 200, '{"kind":"account","name":"acme","generation":1,"result":"unchanged"}' . "\n",
        ['kid' => 'billing-2']],
    ['a refusal', 422, '{"type":"about:blank","title":"Unprocessable Content","status":422,"code":"invalid",'
        . '"detail":"/name must match","problems":[{"path":"/name","code":"invalid","text":"must match"}]}' . "\n"],
    ['an answer to HEAD has no body', 200, ''],
    ['a body in UTF-8', 200, '{"suspend_reason":"Zahlung überfällig – 未払い 🧾"}' . "\n"],
    ['a long body', 200, '{"items":["' . str_repeat('0123456789', 2000) . '"]}' . "\n"],
    ['a defect', 500, '{"code":"internal"}' . "\n"],
];
$responses = [];
foreach ($answers as [$name, $status, $body]) {
    $other = $answers[count($responses)][3] ?? [];
    $kid = $other['kid'] ?? 'billing';
    $nonce = $other['nonce'] ?? nonce_of("answer: $name");
    $key = key_of(KEYS[$kid]);
    $string = lines('GNS1-HMAC-SHA256-RESPONSE', $kid, $nonce, (string) $status, hash('sha256', $body));
    $sig = hash_hmac('sha256', $string, $key);
    $responses[] = ['name' => $name, 'key_hex' => bin2hex($key), 'kid' => $kid, 'nonce' => $nonce,
        'status' => $status, 'body' => $body, 'string' => $string, 'sig' => $sig,
        'header' => "GNS1-HMAC-SHA256 kid=$kid,sig=$sig"];
}

$refused_targets = [
    '', '/', '*', 'v1/accounts/acme', 'http://web1.example/v1/accounts/acme', '//web1.example/v1/accounts/acme',
    '/v1/accounts/', '/v1//accounts/acme', '/v1/accounts//acme', '//v1/accounts/acme', '/v1/accounts/acme/',
    '/v1/.', '/v1/..', '/v1/./accounts/acme', '/v1/../accounts/acme', '/v1/accounts/..', '/v1/accounts/../packages/starter',
    '/v1/accounts/./acme', '/v1/accounts/%61cme', '/v1/accounts/acme%2f..%2fb', '/v1/%2e%2e/accounts', '/v1/accounts/acme%00',
    '/v1/accounts/acme%0a', '/v1/accounts/Acme', '/V1/accounts/acme', '/v1/Accounts/acme', '/v1/accounts/acme;x=1',
    '/v1/accounts/acme#x', '/v1/accounts/acme?x#y', '/v1/accounts/acme?a=%20', '/v1/accounts/acme?a=b+c',
    '/v1/accounts/acme?a=b c', '/v1/accounts/acme?a=b/c', '/v1/accounts/acme?a=b?c', '/v1/accounts/acme?a[]=1',
    '/v1/accounts/acme?a=~', "/v1/accounts/acme\n", "/v1/accounts/acme\r\n", "/v1/accounts/acme\r", "\n/v1/accounts/acme",
    "/v1/accounts/acme\nPUT", "/v1/accounts/ac\0me", "/v1/accounts/acme\0", "/v1/accounts/acme\t", ' /v1/accounts/acme',
    '/v1/accounts/acme ', '/v1/accounts/ac me', '/v1/accounts/acmé', '/v1/accounts/аcme', "/v1/accounts/acme?a=\n",
    "/v1/accounts/acme?a=1\n", '/v1/accounts/acme\\..\\b', '/v1/accounts/~acme', '/v1/accounts/acme,b', '/v1/accounts/acme:443',
    '/v1/accounts/acme@b', "/v1/accounts/acme'", '/v1/accounts/"acme"', '/v1/accounts/<acme>', '/v1/accounts/acme?a="1"',
];

$kid = 'kid=billing';
$ts = "ts=$now";
$nonce = 'nonce=' . nonce_of('refused');
$hex = hash_hmac('sha256', 'refused', key_of('first'));
$sig = "sig=$hex";
$scheme = 'GNS1-HMAC-SHA256 ';
$short = substr($nonce, 0, -1);
$refused_headers = [
    '', ' ', 'GNS1-HMAC-SHA256', $scheme, "$kid,$ts,$nonce,$sig",
    "Basic " . base64_encode('billing:secret'), 'Bearer ' . $hex, "Digest $kid,$ts,$nonce,$sig",
    "GNS1-HMAC-SHA512 $kid,$ts,$nonce,$sig", "GNS2-HMAC-SHA256 $kid,$ts,$nonce,$sig", "GNS1-HMAC-SHA1 $kid,$ts,$nonce,$sig",
    "gns1-hmac-sha256 $kid,$ts,$nonce,$sig", "GNS1-HMAC-SHA256-RESPONSE $kid,$ts,$nonce,$sig",
    "GNS1-HMAC-SHA256  $kid,$ts,$nonce,$sig", "GNS1-HMAC-SHA256\t$kid,$ts,$nonce,$sig", "GNS1-HMAC-SHA256$kid,$ts,$nonce,$sig",
    " $scheme$kid,$ts,$nonce,$sig", "$scheme$kid,$ts,$nonce,$sig ", "$scheme$kid, $ts, $nonce, $sig", "$scheme$kid ,$ts,$nonce,$sig",
    "$scheme$kid;$ts;$nonce;$sig", "$scheme$kid,$ts,$nonce,$sig,", "$scheme,$kid,$ts,$nonce,$sig", "$scheme$kid,,$ts,$nonce,$sig",
    "$scheme$ts,$kid,$nonce,$sig", "$scheme$kid,$nonce,$ts,$sig", "$scheme$sig,$kid,$ts,$nonce", "$scheme$kid,$ts,$sig,$nonce",
    "$scheme$ts,$nonce,$sig", "$scheme$kid,$nonce,$sig", "$scheme$kid,$ts,$sig", "$scheme$kid,$ts,$nonce",
    "$scheme$kid,$kid,$ts,$nonce,$sig", "$scheme$kid,$ts,$nonce,$sig,$sig", "$scheme$kid,$ts,$nonce,$sig,alg=none",
    "{$scheme}alg=HMAC-SHA1,$kid,$ts,$nonce,$sig", "$scheme$kid,$ts,$ts,$nonce,$sig",
    "{$scheme}KID=billing,$ts,$nonce,$sig", "{$scheme}kid=Billing,$ts,$nonce,$sig", "{$scheme}kid=\"billing\",$ts,$nonce,$sig",
    "{$scheme}kid=,$ts,$nonce,$sig", "{$scheme}kid=abc,$ts,$nonce,$sig", $scheme . 'kid=' . str_repeat('a', 33) . ",$ts,$nonce,$sig",
    "{$scheme}kid=bil_ling,$ts,$nonce,$sig", "{$scheme}kid=bil.ling,$ts,$nonce,$sig", "{$scheme}kid=bil ling,$ts,$nonce,$sig",
    "{$scheme}kid=bill\u{456}ng,$ts,$nonce,$sig", "{$scheme}kid=../keys,$ts,$nonce,$sig",
    "{$scheme}kid=billing\n,$ts,$nonce,$sig", "{$scheme}kid=bil\0ling,$ts,$nonce,$sig", "{$scheme}kid=billing\r\n,$ts,$nonce,$sig",
    "$scheme$kid,ts=,$nonce,$sig", "$scheme$kid,ts=0$now,$nonce,$sig", "$scheme$kid,ts=00,$nonce,$sig", "$scheme$kid,ts=+$now,$nonce,$sig",
    "$scheme$kid,ts=-$now,$nonce,$sig", "$scheme$kid,ts=-0,$nonce,$sig", "$scheme$kid,ts=$now.0,$nonce,$sig", "$scheme$kid,ts=1e9,$nonce,$sig",
    "$scheme$kid,ts=0x6ab13780,$nonce,$sig", "$scheme$kid,ts= $now,$nonce,$sig", "$scheme$kid,ts=$now ,$nonce,$sig",
    "$scheme$kid,ts=9223372036854775808,$nonce,$sig", "$scheme$kid,ts=18446744075499551616,$nonce,$sig",
    "$scheme$kid,ts=" . str_repeat('9', 400) . ",$nonce,$sig", "$scheme$kid,ts=now,$nonce,$sig", "$scheme$kid,ts=$now\n,$nonce,$sig",
    "$scheme$kid,ts=\u{661}\u{667}\u{669},$nonce,$sig",
    "$scheme$kid,$ts,nonce=,$sig", "$scheme$kid,$ts,$short,$sig", "$scheme$kid,$ts,{$nonce}A,$sig", "$scheme$kid,$ts,$nonce==,$sig",
    "$scheme$kid,$ts,{$short}+,$sig", "$scheme$kid,$ts,$short/,$sig", "$scheme$kid,$ts,$short=,$sig", "$scheme$kid,$ts,$short ,$sig",
    "$scheme$kid,$ts,$short.,$sig", "$scheme$kid,$ts,$short\n,$sig", "$scheme$kid,$ts,$short\0,$sig",
    "$scheme$kid,$ts,$nonce,sig=", "$scheme$kid,$ts,$nonce,sig=0", "$scheme$kid,$ts,$nonce,sig=" . substr($hex, 0, 32),
    "$scheme$kid,$ts,$nonce,sig=" . substr($hex, 0, 63), "$scheme$kid,$ts,$nonce,{$sig}0", "$scheme$kid,$ts,$nonce,sig=" . strtoupper($hex),
    "$scheme$kid,$ts,$nonce,sig=" . substr($hex, 0, 63) . 'g', "$scheme$kid,$ts,$nonce,sig=" . substr($hex, 0, 63) . 'A',
    "$scheme$kid,$ts,$nonce,sig=0x" . substr($hex, 0, 62), "$scheme$kid,$ts,$nonce,sig= " . substr($hex, 0, 63),
    "$scheme$kid,$ts,$nonce,sig=" . base64_encode(hex2bin($hex)), "$scheme$kid,$ts,$nonce,$sig\n", "$scheme$kid,$ts,$nonce,$sig\r\nX-Admin: 1",
    "$scheme$kid,$ts,$nonce,$sig\0", "$scheme$kid,$ts,$nonce,$sig, $scheme$kid,$ts,$nonce,$sig", "$scheme$kid,$ts,$nonce,sig==$hex",
];

$vectors = array_map(static fn (array $r): array => request_vector($r, $now), $requests);
$webhooks = array_map(static fn (array $r): array => request_vector($r, $now), $hooks);
echo json_encode(['about' => 'Made by tests/clients/php/make_vectors.php, checked by the C++ and the PHP tests. if_match '
    . '"-" is an absent If-Match. A vector has body (text) or body_base64 (bytes).',
    'vectors' => $vectors, 'webhooks' => $webhooks, 'responses' => $responses, 'refused_targets' => $refused_targets,
    'refused_headers' => $refused_headers],
    JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR), "\n";
