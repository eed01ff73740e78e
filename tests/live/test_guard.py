"""Whom the server answers: each attack is really made, through a socket."""

import socket
from http.cookies import SimpleCookie

import httpx
import pytest
from live_server import base_of

from skipscope.live.guard import LARGEST
from skipscope.live.serve import Served


def raw(client: httpx.Client, *lines: str) -> int:
    """The status of the answer to a request that a client would not write."""
    address = client.base_url.host, client.base_url.port or 80
    with socket.create_connection(address) as sent:
        text = "\r\n".join([*lines, "Host: 127.0.0.1", "Connection: close", "", ""])
        sent.sendall(text.encode())
        return int(sent.makefile("rb").readline().split()[1])


PATHS = ("/", "/about", "/events", "/static/app.js", "/curves/window?study=lab&from=0&to=9", "/claims/board")


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_is_told(served: Served, path: str) -> None:
    for cookies in ({}, {f"skipscope-{served.port}": "guessed"}):
        answer = httpx.get(base_of(served) + path, cookies=cookies)
        assert answer.status_code == 403
        assert "令牌" in answer.text
        assert "lab" not in answer.text.replace("skipscope live", "")
    assert httpx.get(f"{base_of(served)}/?token=guessed").status_code == 403


def test_the_token_becomes_a_cookie_that_no_script_and_no_other_site_gets(served: Served) -> None:
    answer = httpx.get(served.url + "&x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?x=1")
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert cookie["httponly"]
    assert cookie["samesite"].lower() == "strict"
    assert cookie.key == f"skipscope-{served.port}"
    page = httpx.get(base_of(served) + "/", cookies={cookie.key: cookie.value})
    assert page.status_code == 200
    assert "token" not in page.text


def test_a_redirect_stays_on_this_server(served: Served) -> None:
    token = served.url.partition("token=")[2]
    answer = httpx.get(f"{base_of(served)}//evil.example/?token={token}")
    assert answer.headers["location"] == "/evil.example/"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:{port}", "localhost.evil", "", "[::1", "a@b"],
)
def test_a_name_that_was_bound_to_this_machine_again_gets_no_answer(
    client: httpx.Client, served: Served, host: str
) -> None:
    """As after DNS rebinding: the browser sends what it has, but names the attacker's host."""
    answer = client.get("/about", headers={"Host": host.format(port=served.port)})
    assert answer.status_code == 421 or (host in ("", "[::1") and answer.status_code == 400)


@pytest.mark.parametrize("host", ["localhost:9999", "127.0.0.1", "[::1]:80", "LOCALHOST"])
def test_the_names_of_this_machine_do_at_any_port(client: httpx.Client, host: str) -> None:
    """A tunnel (`ssh -L`) begins at another port."""
    answer = client.get("/about", headers={"Host": host, "Origin": f"http://{host}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://{host}"])
def test_another_page_gets_no_answer(client: httpx.Client, served: Served, origin: str) -> None:
    sent = {"Origin": origin.format(host=f"127.0.0.1:{served.port}")}
    for answer in (client.get("/about", headers=sent), client.post("/curves/stop", json={}, headers=sent)):
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


def test_what_changes_something_must_say_where_it_comes_from(served: Served, client: httpx.Client) -> None:
    answer = httpx.post(f"{base_of(served)}/curves/stop", json={}, cookies=dict(client.cookies))
    assert answer.status_code == 403
    assert client.get("/curves/stop").status_code == 405


def test_no_answer_may_be_read_framed_or_run_elsewhere(client: httpx.Client) -> None:
    for path in ("/", "/about", "/static/app.js", "/nowhere"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert not {"server", "access-control-allow-origin"} & {*headers}


def test_the_page_has_nothing_inline(client: httpx.Client) -> None:
    page = client.get("/").text
    assert page.count("<script") == page.count('<script type="module" src=') == 1
    assert "style=" not in page
    assert "onclick" not in page


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd"])
def test_only_the_page_s_own_files_are_served(client: httpx.Client, path: str) -> None:
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    assert raw(client, f"GET {path} HTTP/1.1", f"Cookie: {cookies}") == 404


def test_too_much_is_refused_before_it_is_read(client: httpx.Client) -> None:
    head = "POST /curves/continue HTTP/1.1"
    assert raw(client, head, "Origin: http://127.0.0.1", f"Content-Length: {LARGEST + 1}") == 413
    chunked = client.post("/curves/continue", content=iter([b"{}"]))
    assert chunked.status_code == 413


@pytest.mark.parametrize("sent", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_an_answer_and_no_crash(client: httpx.Client, sent: bytes) -> None:
    answer = client.post("/curves/continue", content=sent)
    assert answer.status_code == 409
    assert answer.json()["what"]["en"] == "What was sent is no JSON object."


@pytest.mark.parametrize("run", ["../../secret", "..", "/etc", "cnn-s9-00000000", ""])
def test_a_name_of_no_run_opens_no_file(client: httpx.Client, run: str) -> None:
    for path in ("/layers/table", "/layers/network"):
        assert client.get(path, params={"run": run}).status_code == 404
