"""What every process of one centre knows: its settings, its data folder and its city."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from tahuri.callbacks.caller_page import CallerPages
from tahuri.city.pack import load_pack, pack_folder
from tahuri.city.records import CityPack
from tahuri.host import certificate
from tahuri.host.certificate import own_certificate
from tahuri.host.folder import DataFolder
from tahuri.host.postgres import EmbeddedPostgres
from tahuri.numbers import NumberPlan
from tahuri.places.gazetteer import Gazetteer
from tahuri.settings import Settings


def city_folder(city: str) -> Path:
    """A pack that comes with Tahuri, or the folder itself."""
    try:
        return pack_folder(city)
    except KeyError:
        return Path(city)


@dataclass(frozen=True)
class Centre:
    """One centre on this machine."""

    settings: Settings
    folder: DataFolder
    pack: CityPack

    @classmethod
    def load(cls, settings: Settings) -> Self:
        """Reads the city pack.

        Raises:
            PackFaulty: the pack has faults; all are listed.
        """
        return cls(settings, DataFolder(settings.folder), load_pack(city_folder(settings.city)))

    @property
    def database_url(self) -> str:
        """The database given, or the one in the data folder."""
        if self.settings.database_url is not None:
            return self.settings.database_url
        return EmbeddedPostgres(self.folder).url

    @property
    def test_seat_password(self) -> str:
        """With which the robot's seat registers."""
        return self.folder.secret("test-seat.key").hex()

    @property
    def number_plan(self) -> NumberPlan:
        """How numbers are dialled here: as the city's, unless settings say otherwise."""
        city, told = self.pack.city, self.settings
        return NumberPlan(
            city.country_code if told.country_code is None else told.country_code,
            city.area_code if told.area_code is None else told.area_code,
        )

    @property
    def caller_pages(self) -> CallerPages | None:
        """The links of callers' pages; None where the city has none."""
        told = self.settings
        if told.caller_page_url is None:
            return None
        key = self.folder.secret("caller-page.key")
        return CallerPages(told.caller_page_url, key, told.caller_page_hours)

    @cached_property
    def gazetteer(self) -> Gazetteer:
        """The city's names, ready to be searched."""
        return Gazetteer(self.pack)

    @property
    def certificate(self) -> tuple[Path, Path] | None:
        """Certificate and key for HTTPS; None on loopback, where browsers need none."""
        return self._certificate if self.settings.secure else None

    @property
    def sip_certificate(self) -> tuple[Path, Path] | None:
        """Certificate and key for SIP over TLS; None where it is not wanted."""
        return self._certificate if self.settings.sip_tls_port else None

    def unknown_agencies(self) -> list[str]:
        """A line for each setting that names an agency which the city pack does not have."""
        told, known = self.settings, {one.agency_id for one in self.pack.agencies}
        named = [
            *((f"trunks[{one.name}]", one.agency_id) for one in told.trunks),
            *((f"called_numbers[{one.number}]", one.agency_id) for one in told.called_numbers),
            *((f"sip_seats[{one.seat_id}]", one.agency_id) for one in told.sip_seats),
        ]
        return [
            f"{place}.agency_id: no agency {agency!r} in this city"
            for place, agency in named
            if agency is not None and agency not in known
        ]

    def certificate_faults(self, now: datetime) -> list[str]:
        """Why consoles (or trunks over TLS) would not believe the certificate; none without one."""
        files = self.certificate or self.sip_certificate
        if files is None:
            return []
        told = self.settings
        anywhere = ip_address(told.http_address).is_unspecified
        names = told.host_names or (() if anywhere else (told.http_address,))
        return certificate.faults(files[0], names if told.secure else (), now)

    def certificate_finding(self, now: datetime) -> str | None:
        """The code of what the watch finds of the certificate; None while all is well."""
        files = self.certificate or self.sip_certificate
        if files is None:
            return None
        end = certificate.ends_at(files[0])
        if end is None:
            return "certificate-spoilt"
        if now >= end:
            return "certificate-expired"
        return "certificate-ending" if now >= end - certificate.ENDS_SOON else None

    @property
    def _certificate(self) -> tuple[Path, Path]:
        """One for all uses: the files given, or our own for every name and address of ours."""
        if self.settings.certificate is not None and self.settings.certificate_key is not None:
            return Path(self.settings.certificate), Path(self.settings.certificate_key)
        names = (self.settings.http_address, *self.settings.host_names)
        if self.settings.sip_tls_port:
            told = self.settings
            names += (told.sip_address, told.media_address)
            others = (told.sip_other_address, told.media_other_address)
            names += tuple(other for other in others if other is not None)
        return own_certificate(self.root_certificate.parent, names)

    @property
    def root_certificate(self) -> Path:
        """Of our own authority; there once ``certificate`` has been asked for."""
        return self.folder.secrets / "https" / "root.pem"
