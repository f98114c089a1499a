"""What a partner lender's developer takes home: a typed client, and webhooks verified and taken once.

Stands on httpx and pydantic alone, and on nothing of the platform's own code.
"""

from partners.kit.acts import Ask
from partners.kit.calls import Call, Pages
from partners.kit.client import AsyncClient, Client
from partners.kit.conversation import Credentials, Patience
from partners.kit.delivery_models import DailyFile, Item, LoanAtEnd
from partners.kit.inbox import Inbox, Taken
from partners.kit.models import ContactDetails
from partners.kit.money import Money
from partners.kit.problems import (
    Broken,
    Busy,
    Conflict,
    Invalid,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Problem,
    PuhuiError,
    ReferenceReused,
    Unreachable,
)
from partners.kit.signature import SignatureRefused, SignBytes, sign, signed_text, verify
from partners.kit.webhooks import Event, Message, NotUnderstood, Part, Receiver

__all__ = [
    "Ask",
    "AsyncClient",
    "Broken",
    "Busy",
    "Call",
    "Client",
    "Conflict",
    "ContactDetails",
    "Credentials",
    "DailyFile",
    "Event",
    "Inbox",
    "Invalid",
    "Item",
    "LoanAtEnd",
    "Message",
    "Money",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "NotUnderstood",
    "Pages",
    "Part",
    "Patience",
    "Problem",
    "PuhuiError",
    "Receiver",
    "ReferenceReused",
    "SignBytes",
    "SignatureRefused",
    "Taken",
    "Unreachable",
    "sign",
    "signed_text",
    "verify",
]
