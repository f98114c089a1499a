"""Webhooks as Standard Webhooks says: signed, retried, and sent nowhere but where a partner may be."""

from libs.webhooks.address import AddressRefused, Network, Reach
from libs.webhooks.retries import RetrySchedule
from libs.webhooks.sender import Outcome, Post, Sender, Verdict
from libs.webhooks.signature import TIMESTAMP, PublicKey, Secret, SecretError, SignatureRefused, Verifier, sign

__all__ = [
    "TIMESTAMP",
    "AddressRefused",
    "Network",
    "Outcome",
    "Post",
    "PublicKey",
    "Reach",
    "RetrySchedule",
    "Secret",
    "SecretError",
    "Sender",
    "SignatureRefused",
    "Verdict",
    "Verifier",
    "sign",
]
