#!/usr/bin/env php
<?php
// The vectors of specs/signing on the PHP side: says "ok - …" or "not ok - …" and exits with 1 when one does not hold.
declare(strict_types=1);
require __DIR__ . '/../../../specs/clients/php/Genesis.php';

use Genesis\Signing;

$failures = 0;
function check(string $sentence, bool $holds): void
{
    global $failures;
    echo $holds ? 'ok - ' : 'not ok - ', $sentence, "\n";
    $failures += $holds ? 0 : 1;
}

$all = json_decode(file_get_contents(__DIR__ . '/../../../specs/signing/vectors.json'), true, 16, JSON_THROW_ON_ERROR);
check('there are at least 40 vectors', count($all['vectors']) >= 40);
foreach ([...$all['vectors'], ...$all['webhooks']] as $v) {
    $body = $v['body'] ?? base64_decode($v['body_base64'], true);
    $string = Signing::string($v['kid'], $v['ts'], $v['nonce'], $v['method'], $v['audience'], $v['target'],
        $v['content_type'], $v['if_match'] === '-' ? '' : $v['if_match'], $body);
    $said = Signing::parse($v['authorization']);
    check("the string and the signature of {$v['name']}", $string === $v['string']
        && hash_hmac('sha256', $string, Signing::key($v['key_hex'])) === $v['sig']
        && $said === ['kid' => $v['kid'], 'ts' => $v['ts'], 'nonce' => $v['nonce'], 'sig' => $v['sig']]);
}
foreach ($all['vectors'] as $v) {
    check("the target of {$v['name']}", Signing::isTarget($v['target']));
}
foreach ($all['responses'] as $v) {
    $string = Signing::answer($v['kid'], $v['nonce'], $v['status'], $v['body']);
    check("the answer's signature of {$v['name']}", $string === $v['string']
        && hash_hmac('sha256', $string, Signing::key($v['key_hex'])) === $v['sig']);
}
foreach ($all['refused_targets'] as $target) {
    check('refused target ' . json_encode($target), !Signing::isTarget($target));
}
foreach ($all['refused_headers'] as $header) {
    check('refused header ' . json_encode($header), Signing::parse($header) === null);
}
foreach ($all['webhooks'] as $v) {
    $hook = static fn (string $body, int $now, string $audience): bool => Signing::isWebhook($v['key_hex'], $v['kid'],
        $audience, $v['authorization'], $v['target'], $v['content_type'], $body, $now);
    check("{$v['name']} is verified", $hook($v['body'], $v['ts'] + 120, $v['audience']));
    check("{$v['name']} with another body is not", !$hook($v['body'] . ' ', $v['ts'], $v['audience']));
    check("{$v['name']} that is late is not", !$hook($v['body'], $v['ts'] + 121, $v['audience']));
    check("{$v['name']} to another receiver is not", !$hook($v['body'], $v['ts'], 'webhook:other'));
}
exec('php ' . escapeshellarg(__DIR__ . '/make_vectors.php'), $lines, $code);
check('the vectors are what their generator makes', $code === 0
    && implode("\n", $lines) . "\n" === file_get_contents(__DIR__ . '/../../../specs/signing/vectors.json'));
exit($failures === 0 ? 0 : 1);
