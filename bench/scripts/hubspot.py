"""HubSpot with hubspot-api-client: search, create or update the contact, create the meeting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hubspot import Client
from hubspot.crm.contacts import (
    PublicObjectSearchRequest,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.objects.meetings import SimplePublicObjectInputForCreate as NewMeeting

from bench.bookings import Booking

MEETING_TO_CONTACT = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 200}


def carrier(url: str, token: str) -> Callable[[Booking], None]:
    api = Client.create(access_token=token)
    api.config["host"] = url
    # Each of these attributes makes a client anew: who writes a loop keeps them.
    contacts, searches = api.crm.contacts.basic_api, api.crm.contacts.search_api
    meetings = api.crm.objects.meetings.basic_api

    def carry(booking: Booking) -> None:
        first, _, last = booking.name.rpartition(" ")
        asked = PublicObjectSearchRequest(
            filter_groups=[
                {"filters": [{"propertyName": "email", "operator": "EQ", "value": booking.email}]}
            ],
            properties=["email"],
            limit=1,
        )
        found = searches.do_search(asked).results
        properties = {"email": booking.email, "firstname": first, "lastname": last}
        if found:
            person = found[0].id
            contacts.update(person, SimplePublicObjectInput(properties=properties))
        else:
            new = SimplePublicObjectInputForCreate(properties=properties, associations=[])
            person = contacts.create(new).id
        meetings.create(
            NewMeeting(
                properties={
                    "hs_timestamp": booking.start.isoformat(),
                    "hs_meeting_title": f"Intro call: {booking.name}",
                    "hs_meeting_start_time": booking.start.isoformat(),
                    "hs_meeting_end_time": (booking.start + timedelta(minutes=30)).isoformat(),
                    "hs_meeting_body": "Booked via Cal.com",
                    "hs_meeting_outcome": "SCHEDULED",
                },
                associations=[{"to": {"id": person}, "types": [MEETING_TO_CONTACT]}],
            )
        )

    return carry
