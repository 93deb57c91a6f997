"""What allows a likeness to be used: the statement, the day it was given, and, where it is bound, until when and for
what.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from foundation.errors import InputError
from talking_head.target.given import checked_consent, is_text

LONGEST_PURPOSE = 128


@dataclass(frozen=True)
class Consent:
    """Consent to the use of a likeness, kept in the target's card.

    statement: in the enroller's own words. date: the day it was given. until: the last day on which films may be made;
    empty: not bound. Both ISO 8601, by this machine's clock. purpose: what it is given for, in plain words; empty: not
    said. A purpose binds people: it is told wherever the consent is, and nothing here can judge it.
    """

    statement: str
    date: str
    until: str = ""
    purpose: str = ""

    @classmethod
    def given(cls, statement: str, until: str | None = None, purpose: str | None = None) -> Consent:
        """Consent that is given today.

        Raises:
            InputError: an empty statement, a last day that is none or has passed, a purpose that is no short text.
        """
        words, last = checked_consent(statement), (until or "").strip()
        if last:
            try:
                last = date.fromisoformat(last).isoformat()
            except ValueError as error:
                raise InputError(f"a consent until {last[:40]!a}", "a day such as 2027-12-31") from error
        why = (purpose or "").strip()
        if not (is_text(why) and why.isprintable() and len(why) <= LONGEST_PURPOSE):
            raise InputError(f"a consent for {why[:60]!a}", f"one line of at most {LONGEST_PURPOSE} letters")
        consent = cls(words, date.today().isoformat(), last, why)
        consent.check("the consent")
        return consent

    def same_as(self, other: Consent) -> bool:
        """Whether both say the same, whenever they were given."""
        return (self.statement, self.until, self.purpose) == (other.statement, other.until, other.purpose)

    def ended(self) -> bool:
        """Whether its last day has passed."""
        return bool(self.until) and date.today().isoformat() > self.until

    def check(self, whose: str) -> None:
        """Refuse what is made after the last day.

        Raises:
            InputError: it has passed.
        """
        if self.ended():
            received = f"{whose}: given until {self.until}, and today is {date.today().isoformat()}"
            raise InputError(received, "a consent that holds", "enroll again with a new --consent and --consent-until")


def consent_of(consent: str | Consent) -> Consent:
    """A consent as it is given to a call: whole, or its statement alone.

    Raises:
        InputError: see `Consent.given`.
    """
    return consent if isinstance(consent, Consent) else Consent.given(consent)
