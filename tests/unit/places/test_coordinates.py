"""Points as fishermen, maps and telephones write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahuri.kernel.refusal import Invalid
from tahuri.places.coordinates import parsed_point

AMBON = (127.98, -3.92, 128.40, -3.48)
PATTIMURA = (-3.69528, 128.18139)


@pytest.mark.parametrize(
    "text",
    [
        "-3.69528, 128.18139",
        "-3.69528 128.18139",
        "-3.69528,128.18139",
        "-3,69528 128,18139",
        "-3,69528, 128,18139",
        "-3,69528; 128,18139",
        "−3.69528 128.18139",
        "(-3.69528, 128.18139)",
        "3.69528 S, 128.18139 E",
        "3.69528S 128.18139E",
        "S3.69528 E128.18139",
        "128.18139 E 3.69528 S",
        "3,69528 LS 128,18139 BT",
        "lintang selatan 3.69528 bujur timur 128.18139",
        "lat -3.69528 lon 128.18139",
        "lat: -3.69528, lng: 128.18139",
        "geo:-3.69528,128.18139",
        "3°41'43\"S 128°10'53\"E",
        "3°41'43\" LS, 128°10'53\" BT",
        "3º41′43″S 128º10′53″E",
        "3° 41' 43.0'' S  128° 10' 53.0'' E",
        "S 3 41 43 E 128 10 53",
        "-3 41 43 128 10 53",
        "03 41.7168 S 128 10.8834 E",
        "3°41,7168' LS 128°10,8834' BT",
        "-3 41.7168 128 10.8834",
        "3°41.7168'S 128°10'53\"E",
    ],
)
def test_all_the_usual_ways_give_one_point(text: str) -> None:
    """Sea positions come as minutes, phones give decimals, Indonesians write commas."""
    point = parsed_point(text, AMBON)
    assert point is not None
    assert (point.lat, point.lon) == pytest.approx(PATTIMURA, abs=2e-5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "batu merah",
        "Tanjakan 2000",
        "12 34",
        "112",
        "RT 003 RW 05",
        "-3.69",
        "3.69 S",
        "-3.69, 128.18, 7",
        "jalan 3.69 128.18",
        "-3.6.9 128.1",
        "1" * 500,
    ],
)
def test_what_is_no_pair_of_coordinates_is_left_to_the_names(text: str) -> None:
    """A house number must not become a point in the sea."""
    assert parsed_point(text, AMBON) is None


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("128.18139, -3.69528", "lat", "swapped"),
        ("3.69528 128.18139", "lat", "north of the equator"),
        ("3.69528 N 128.18139 E", "lat", "outside the region"),
        ("-6.2, 106.8", "lat", "outside the region"),
        ("-3.7, 130.0", "lon", "outside the region"),
        ("3 75 0 S 128 10 0 E", "lat", "minutes"),
        ("3 41 43 S 128 10 61 E", "lon", "seconds"),
        ("3.5 41 43 S 128 10 53 E", "lat", "fraction"),
        ("3.69 S 128.18 S", "lon", "east or west"),
        ("3.69 E 128.18 E", "lat", "north or south"),
    ],
)
def test_a_wrong_pair_says_which_number_is_wrong(text: str, field: str, message: str) -> None:
    """A boat sent to the mirror image of a position finds nobody."""
    with pytest.raises(Invalid) as caught:
        parsed_point(text, AMBON)
    assert list(caught.value.fields) == [field]
    assert message in caught.value.fields[field]


@given(
    st.floats(-3.91, -3.49),
    st.floats(127.99, 128.39),
    st.sampled_from(["decimal", "minutes", "seconds"]),
    st.sampled_from([".", ","]),
)
def test_every_point_survives_being_written_down(
    lat: float, lon: float, form: str, mark: str
) -> None:
    """What a call taker reads back is the point that was meant."""
    written = []
    for value, letter in ((abs(lat), "S"), (lon, "E")):
        whole = int(value)
        minutes = (value - whole) * 60
        if form == "decimal":
            text = f"{value:.6f} {letter}"
        elif form == "minutes":
            text = f"{whole}° {min(minutes, 59.9999):.4f}' {letter}"
        else:
            seconds = min((minutes - int(minutes)) * 60, 59.99)
            text = f"{whole}°{int(minutes)}'{seconds:.2f}\" {letter}"
        written.append(text.replace(".", mark))
    point = parsed_point(" ".join(written), AMBON)
    assert point is not None
    assert (point.lat, point.lon) == pytest.approx((lat, lon), abs=1e-5)
