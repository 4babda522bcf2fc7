"""Signs webhooks as their vendors do."""

import base64
import hmac
from datetime import UTC, datetime

SECRET = "s3cret-of-a-test"


def _digest(secret: str, signed: bytes, algorithm: str) -> bytes:
    return hmac.new(secret.encode(), signed, algorithm).digest()


def signed(kind: str, body: bytes, now: float, secret: str = SECRET) -> dict[str, str]:
    """Return the headers that authenticate a body.

    Args:
        kind: of the source.
        body: of the webhook.
        now: seconds since 1970.
        secret: of the source.
    """
    seconds = str(int(now))
    match kind:
        case "plain":
            return {
                "Triage-Signature": f"t={seconds},v1={_digest(secret, f'{seconds}.'.encode() + body, 'sha256').hex()}"
            }
        case "zendesk":
            time = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            digest = base64.b64encode(_digest(secret, time.encode() + body, "sha256")).decode()
            return {"X-Zendesk-Webhook-Signature": digest, "X-Zendesk-Webhook-Signature-Timestamp": time}
        case "intercom":
            return {"X-Hub-Signature": f"sha1={_digest(secret, body, 'sha1').hex()}"}
        case "front":
            time = str(int(now * 1_000))
            digest = base64.b64encode(_digest(secret, f"{time}:".encode() + body, "sha256")).decode()
            return {"X-Front-Signature": digest, "X-Front-Request-Timestamp": time}
        case "chatwoot":
            digest = _digest(secret, f"{seconds}.".encode() + body, "sha256").hex()
            return {"X-Chatwoot-Signature": f"sha256={digest}", "X-Chatwoot-Timestamp": seconds}
    return {"X-Triage-Secret": secret}
