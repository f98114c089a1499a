"""The task that has an accepted contract signed: by the borrower, who asked for it, and by the lender."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from libs.contracts.contract import Party
from libs.events.commands import Cause
from libs.events.envelope import Actor
from libs.events.projection import Remove
from libs.events.store import Session
from libs.events.tasks import Finish, Job, Tasks
from libs.service.runtime import Runtime
from services.contract import documents
from services.contract.document.pages import signed_pdf
from services.contract.domain.contract import ConcludeContract, Status
from services.contract.handlers import contents_of, contracts
from services.contract.library import library
from services.contract.parties import borrower
from services.contract.press import press
from services.contract.records import OFFER
from services.contract.signatures import SignatureService

SIGN: Final = "sign"
ACTOR: Final = Actor("service:contract", "service")


class Signing:
    """The task that talks to the signature service. `runtime` is given when the service starts."""

    runtime: Runtime

    def __init__(self) -> None:
        self.tasks = Tasks()
        self.tasks.on(SIGN)(self.sign)

    async def sign(self, job: Job) -> Finish | None:
        """Get both signatures, set the signed document, conclude. Done again after a failure, it gets them again;
        what counts is what is committed with the contract."""
        runtime, stream_id = self.runtime, contracts.stream_id(job.key)
        service: SignatureService = runtime.extras["signatures"]
        state, _ = await runtime.commands.state(contracts, stream_id)
        if state.status is not Status.ACCEPTED or state.offered is None or state.accepted is None:
            return None
        accepted, digest = state.accepted, state.offered.document_sha256
        party = await borrower(runtime.store, runtime.codec, state.offered.agreement.request.applicant_id)
        contents = contents_of(state.offered, party, library())
        signatories = ((Party.BORROWER, party.applicant_id), (Party.LENDER, contents.lender.signatory))
        signatures = [
            await service.sign(who, signatory, digest, key=f"{job.task_id}/{who.value}")
            for who, signatory in signatories
        ]
        document = await documents.load(runtime.store.pool, runtime.codec, digest)
        assert document is not None, "a document is written with the event that names it"
        content = await press.run(signed_pdf, contents, document.content, accepted, signatures)
        conclude = ConcludeContract(
            signed_document_sha256=sha256(content).hexdigest(),
            signatures=tuple(signatures),
            on=accepted.accepted_on,
        )
        cause = Cause(
            ACTOR,
            correlation_id=str(job.payload["correlation_id"]),
            causation_id=str(job.payload["causation_id"]),
            after=str(job.payload["after"]),
            effective_date=accepted.accepted_on.isoformat(),
        )

        async def finish(session: Session) -> None:
            outcome = await runtime.commands.handle(contracts, stream_id, conclude, cause, within=session)
            if outcome.events:
                beginning = document.content
                await documents.save(session, runtime.codec, job.key, party.applicant_id, content, beginning=beginning)
                await session.apply([Remove(OFFER, {"contract_id": job.key})])

        return finish
