# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for nautiljon.com on the loopback: its pages as they are, and as they are on bad days.

    nautiljon.py            serves, prints its port, ends when its standard input is closed

    site = Site(); site.url; site.requests; site.mode = "403"; site.close()

What a title or a slug begins with chooses the bad day: "bad-403", "bad-expired", ...; /_requests
tells how many pages were asked for.
"""
import html
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

# slug: title, alternate titles, VO, VF, newest (number, date), next (number, date), editions
SERIES = {
    "one+piece": ("One Piece", "", "113 (En cours)", "111 (En cours)", (111, "02/07/2025"), (112, "01/10/2025"), 1),
    "one+piece+party": ("One Piece Party", "", "7 (Terminé)", "7 (Terminé)", (7, "09/06/2021"), None, 1),
    "l-attaque+des+titans": ("L'Attaque des Titans", "Shingeki no Kyojin / Attack on Titan", "34 (Terminé)",
                             "34 (Terminé)", (34, "13/10/2021"), None, 2),
    "dragon+ball": ("Dragon Ball", "", "42 (Terminé)", "42 (Terminé)", (34, "18/06/2009"), (35, "01/01/2030"), 2),
    "vinland+saga": ("Vinland Saga", "", "29 (Terminé)", "28 (En cours)", (28, "06/03/2025"), (29, "12 mars 2026"), 1),
    "mono": ("Mono", "", "3 (En cours)", None, None, None, 0),
    "finie": ("Finie", "", "12 (Terminé)", "12 (Terminé)", None, None, 1),
    "jeune": ("Jeune", "", "9 (En cours)", "6 (En cours)", None, (7, "15/05/2026"), 1),
    "twin": ("Twin", "", "2 (Terminé)", "2 (Terminé)", (2, "01/01/2020"), None, 1),
    "twin+(roman)": ("Twin", "", "5 (Terminé)", "5 (Terminé)", (5, "01/01/2020"), None, 1),
    "pause": ("Pause", "", "9 (En attente)", "8 (Abandonné)", (8, "1er avril 2019"), None, 1),
    "seul": ("Seul au monde", "Alone", "1 (En cours)", "1 (En cours)", (1, "01/02/2024"), (2, "sans date"), 1),
}

# (status, headers, body): what stands in for a page
JUNK = "<div><ul><li>" * 70000
BLOCKS = {
    "403": (403, {}, "<h1>Forbidden</h1>"),
    "429": (429, {"Retry-After": "86400"}, ""),
    "503": (503, {}, "busy"),
    "challenge": (200, {"cf-mitigated": "challenge"}, "<title>Un instant</title>"),
    "interdite": (200, {}, "<html><body><p>Votre IP interdite sur ce site.</p></body></html>"),
    "sorry": (200, {}, "<h1>Sorry, you have been blocked</h1>"),
    "moment": (200, {}, "<html><head><title>Just a moment...</title></head></html>"),
    "cf": (200, {}, '<div class="cf-chl-widget"></div>'),
    "expired": (200, {}, "<div class='erreur'>Votre sess" "ion de recherche a expir&eacute;. Aucun r&eacute;sultat.</div>"),
}
OTHERS = {
    "empty": (200, {}, ""),
    "500": (500, {}, "oops"),
    "404": (404, {}, "<h1>Page introuvable</h1>"),
    "deep": (200, {}, JUNK),
    "binary": (200, {}, "\x00\xff\x01<\x00" * 1000),
    "home": (200, {}, "<html><body><h1>Nautiljon</h1><p>Actualité manga</p></body></html>"),
    "huge": (200, {}, "<p>x</p>" * (1 << 20)),
    "away": (302, {"Location": "http://127.0.0.1:9/mangas/x.html"}, ""),
    "loop": (302, {"Location": "/mangas/bad-loop.html"}, ""),
    "hollow": (200, {}, '<h1 class="h1titre"><span itemprop="name">Creux</span></h1><p>Rien.</p>'),
}
BAD = {**BLOCKS, **OTHERS}

HEAD = """<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><title>%s - Nautiljon</title>
<script>var a = "<a class='eTitre' href='/mangas/fake.html'>One Piece</a>";</script></head><body>
<div id="menu"><ul><li><a href="/mangas/">Mangas</a></li></ul></div><div id="content">"""
FOOT = "</div><footer>&copy; Nautiljon<br></footer></body></html>"


def search_page(wanted):
    words = wanted.lower().replace("’", "'").split()
    rows = []
    for slug, (title, others, vo, vf, *_) in SERIES.items():
        if not all(word in f"{title} {others}".lower() for word in words):
            continue
        other = f'<br><span class="infos_small">({html.escape(others)})</span>' if others else ""
        rows.append(f"""<tr><td class="image"><a href="/mangas/{slug}.html"><img src="/i.webp" alt=""></a></td>
<td class="left vtop"><a class="eTitre sim" href="/mangas/{slug}.html">{html.escape(title)}</a>{other}</td>
<td>Sh&#333;nen</td><td>{vo.split()[0]}</td><td>{(vf or '-').split()[0]}</td><td>12+</td><td>10/07/2002</td>
<td>24/12/1997</td><td>9.1/10</td></tr>""")
    if not rows:
        return HEAD % "Recherche" + "<div class='infos'>Aucun résultat trouvé.</div>" + FOOT
    return HEAD % "Recherche" + "<table class='search'><tbody>" + "\n".join(rows) + "</tbody></table>" + FOOT


def neighbour(head, slug, volume):
    number, date = volume
    return f"""<div class="acenter inline-block"><strong>{head}</strong><br>
<a href="/mangas/{slug}/volume-{number},10214{number:02d}.html" title="Vol. {number}"><img src="/v.webp"></a><br>
<span class="infos_small">{date}</span></div>"""


def series_page(slug):
    title, others, vo, vf, last, following, editions = SERIES[slug]
    facts = [("Titre original", f"{title.upper()}\u00a0/ 原題"), ("Origine", "Japon - 1997"), ("Type", "Shōnen")]
    facts += [("Titre alternatif", others)] if others else []
    facts += [("Nb volumes VO", vo), ("Éditeur VO", "Shueisha")]
    facts += [("Nb volumes VF", vf), ("Éditeur VF", "Glénat"), ("Prix", "6.99 €")] if vf else []
    items = "".join(f'<li><span class="bold">{label} : </span>{html.escape(value)}</li>' for label, value in facts)
    boxes = (neighbour("Dernier paru", slug, last) if last else "") + (
        neighbour("&Agrave; para&icirc;tre", slug, following) if following else "")
    lists = "".join(f"""<h2><a class="infos_edition" onclick="$('#edition_{i}')"><img alt="France" src="/fr.png">
Edition {i}</a></h2><div id="edition_{i}"><div class="unVol"><a href="/mangas/{slug}/volume-1,{i}.html">Vol. 1</a></div>
<div class="unVol"><a href="/mangas/{slug}/volume-999,{i}.html">Vol. 999</a></div></div>""" for i in range(editions))
    return (HEAD % title) + f"""<h1 class="h1titre"><span itemprop="name">{html.escape(title)}</span>
</h1><div class="liste_infos"><ul class="mb10">{items}</ul><ul class="mb10"><li class="nav_vols fright">{boxes}</li></ul></div>
<div class="description"><p>Just a moment... dit-il. Nb volumes VF : 3 (Terminé)</p></div>{lists}""" + FOOT


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: an answer is written in parts: the last one must not wait until the first is acknowledged
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, headers, body):
        data = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def drip(self):
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        for _ in range(100000):
            self.wfile.write(b"x")
            time.sleep(0.5)

    def do_GET(self):
        site, address = self.server.site, urlsplit(self.path)
        path = unquote(address.path)
        if path == "/_requests":
            return self.answer(200, {}, str(len(site.requests)))
        site.requests.append((time.time(), self.path))
        wanted = parse_qs(address.query).get("q", [""])[0]
        name = wanted if path == "/mangas/" else path.removeprefix("/mangas/").removesuffix(".html")
        bad = site.mode or (name.removeprefix("bad-") if name.startswith("bad-") else "")
        if bad == "drip":
            return self.drip()
        if bad in BAD:
            return self.answer(*BAD[bad])
        if path == "/mangas/" and wanted.lower() == "seul":
            return self.answer(302, {"Location": "/mangas/seul.html"}, "")
        if path == "/mangas/" and wanted.lower() == "alone":
            return self.answer(302, {"Location": site.url + "/mangas/seul.html"}, "")
        if path == "/mangas/":
            return self.answer(200, {}, search_page(wanted))
        if path == "/mangas/old.html":
            return self.answer(301, {"Location": "/mangas/" + quote("one+piece", safe="+") + ".html"}, "")
        if name in SERIES:
            return self.answer(200, {}, series_page(name))
        return self.answer(*BAD["404"])


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


class Site:
    def __init__(self, port=0):
        self.requests, self.mode = [], ""
        self.server = Quiet(("127.0.0.1", port), Handler)
        self.server.site = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    print(Site().port, flush=True)
    sys.stdin.read()
    os._exit(0)
