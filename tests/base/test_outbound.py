"""Where outgoing HTTP may go."""

import asyncio
from ipaddress import ip_address

import pytest

from polus.base import outbound
from polus.base.outbound import Allowed, Refused

NOTHING = Allowed()

TRICKS = """
http://127.0.0.1/ http://127.1/ http://127.0.1/ http://2130706433/ http://0x7f000001/ http://0x7f.0.0.1/
http://0x7f.1/ http://0177.0.0.1/ http://017700000001/ http://127.000.000.001/ http://0/ http://0.0.0.0/
http://00.0/ http://127.0.0.1./ http://127.255.255.254:8080/ http://[::1]/ http://[::]/ http://[0:0:0:0:0:0:0:1]/
http://[::ffff:127.0.0.1]/ http://[::ffff:7f00:1]/ http://[::127.0.0.1]/ http://[::ffff:0:127.0.0.1]/
http://[64:ff9b::7f00:1]/ http://[64:ff9b::10.0.0.1]/ http://[64:ff9b:1::10.0.0.1]/ http://[2002:7f00:1::]/
http://[2002:a00:1::1]/ http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/ http://[fe80::1]/ http://[fe80::1%25eth0]/
http://[fc00::1]/ http://[fd12:3456::1]/ http://[fec0::1]/ http://[ff02::1]/ http://[2001:db8::1]/
http://[fd00:ec2::254]/ http://10.0.0.1/ http://10.255.255.255/ http://172.16.0.1/ http://172.31.255.255/
http://192.168.1.1/ http://169.254.169.254/latest/meta-data/ http://0xa9fea9fe/ http://2852039166/
http://0251.0376.0251.0376/ http://169.254.43518/ http://100.100.100.200/ http://100.64.0.1/ http://168.63.129.16/
http://192.0.0.192/ http://192.0.2.1/ http://198.18.0.1/ http://198.51.100.7/ http://203.0.113.9/ http://224.0.0.1/
http://239.255.255.255/ http://240.0.0.1/ http://255.255.255.255/ http://192.88.99.1/ http://user@127.0.0.1/
http://8.8.8.8@127.0.0.1/ http://8.8.8.8:80@10.0.0.1/ https://127.0.0.1:443/
http://１２７.０.０.１/ http://①②⑦.0.0.1/ http://127。0。0。1/ http://127．0．0．1/ http://[::１]/
http://4294967296/ http://0x100000000/ http://256.256.256.256/ http://1.2.3.4.5/ http://0x/ http://08.8.8.8/
""".split()


@pytest.mark.parametrize("url", TRICKS)
async def test_no_way_of_writing_it_leads_inside(url: str) -> None:
    with pytest.raises(Refused):
        await outbound.check(url, NOTHING, nobody)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://8.8.8.8/",
        "file:///etc/passwd",
        "gopher://8.8.8.8/",
        "//8.8.8.8/",
        "8.8.8.8",
        "",
        "http://",
        "http:///path",
        "http://:80/",
        "https:8.8.8.8",
        "http://8.8.8.8:0/",
        "http://8.8.8.8:65536/",
        "http://8.8.8.8:http/",
        "http://good.example\\@127.0.0.1/",
        "http://good.example\t/",
        "http://good.example\r\nHost: inside/",
        "http://good .example/",
        "http://good.example\x00/",
        "http://[::1/",
        "http://[8.8.8.8]/",
        "http://bad_-.example/",
        "http://-bad.example/",
        "http://a..b/",
        "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 130 + "example/",
        "http://exa%6dple.com/",
        "http://good.example℀evil/",
        "{{ticket.url}}",
        "{{scheme}}://8.8.8.8/",
        "http://{{a",
        "http://a}}/",
        "https://{{user}}:{{password}}@shop.example/",
        "https://name:secret@shop.example/",
        "https://@shop.example/",
    ],
)
def test_what_is_no_address_is_none(url: str) -> None:
    with pytest.raises(Refused):
        outbound.target(url)


@pytest.mark.parametrize(
    ("url", "aim"),
    [
        ("https://Shop.Example./x?y=1#z", ("https", "shop.example", 443)),
        ("http://8.8.8.8:8080", ("http", "8.8.8.8", 8080)),
        ("http://[2606:4700::1111]:81/", ("http", "2606:4700::1111", 81)),
        ("http://bücher.example/", ("http", "xn--bcher-kva.example", 80)),
        (
            "https://shop.example/{{ ticket.id }}?c={{ticket.customer.email|urlencode}}",
            ("https", "shop.example", 443),
        ),
        ("https://{{ticket.customer.data.shop}}.example/", ("https", None, 443)),
        ("https://{{ ticket.meta.host }}:8443/", ("https", None, 8443)),
    ],
)
def test_where_an_address_leads(url: str, aim: tuple[str, str | None, int]) -> None:
    assert outbound.target(url) == aim


async def nobody(host: str, port: int) -> list[str]:
    raise OSError("no such name")


def answering(*found: str) -> outbound.Resolve:
    async def resolver(host: str, port: int) -> list[str]:
        return list(found)

    return resolver


@pytest.mark.parametrize(
    "found",
    [
        (),
        ("127.0.0.1",),
        ("8.8.8.8", "10.0.0.1"),
        ("2606:4700::1111", "::1"),
        ("::ffff:192.168.0.1",),
        ("fe80::1%eth0",),
        ("nonsense",),
    ],
)
async def test_a_name_is_as_good_as_all_its_addresses(found: tuple[str, ...]) -> None:
    with pytest.raises(Refused):
        await outbound.addresses("shop.example", 443, NOTHING, answering(*found))


async def test_the_addresses_to_dial_are_returned_once() -> None:
    found = await outbound.addresses(
        "shop.example", 443, NOTHING, answering("8.8.8.8", "8.8.8.8", "64:ff9b::808:808")
    )
    assert found == [ip_address("8.8.8.8"), ip_address("64:ff9b::808:808")]
    assert await outbound.addresses("8.8.4.4", 443, NOTHING, nobody) == [ip_address("8.8.4.4")]


async def test_names_that_do_not_resolve_are_refused() -> None:
    with pytest.raises(Refused, match="public"):
        await outbound.check("https://shop.example/", NOTHING, nobody)


async def test_localhost_is_refused_by_the_real_resolver() -> None:
    with pytest.raises(Refused):
        await outbound.check("http://localhost:8000/", NOTHING)


async def test_a_resolver_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "SECONDS", 0.01)

    async def hanging(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(Refused):
        await outbound.check("https://shop.example/", NOTHING, hanging)


async def test_an_installation_may_allow_more() -> None:
    allowed = Allowed(("shop.internal", "*.corp.example", "10.1.0.0/16", "fd00:1::/32", "192.168.7.7"))
    for url in (
        "http://shop.internal/",
        "http://SHOP.internal.:8080/",
        "http://erp.corp.example/",
        "http://10.1.2.3/",
        "http://[::ffff:10.1.2.3]/",
        "http://[fd00:1::5]/",
        "http://192.168.7.7/",
    ):
        await outbound.check(url, allowed, nobody)
    for url in (
        "http://corp.example/",
        "http://evilcorp.example/",
        "http://shop.internal.example/",
        "http://10.2.0.1/",
        "http://192.168.7.8/",
        "http://[fd00:2::5]/",
    ):
        with pytest.raises(Refused):
            await outbound.check(url, allowed, nobody)
    inside = await outbound.addresses("shop.internal", 80, allowed, answering("10.200.0.1"))
    assert inside == [ip_address("10.200.0.1")]
    assert await outbound.addresses("db.example", 80, allowed, answering("10.1.0.9")) == [
        ip_address("10.1.0.9")
    ]


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00::1"]
)
def test_public_addresses_are_public(text: str) -> None:
    assert outbound.public(ip_address(text))
