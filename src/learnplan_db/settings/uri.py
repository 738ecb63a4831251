"""
Database URIs as Sqitch reads, changes and shows them: ``db:pg://user@host:1/name?k=v``.

Pure text. May import errors.
Source: Sqitch 1.3.1 (URI::db 0.20, URI 5.17), tried out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9.+-]*):")
_PARTS = re.compile(
    r"(?://(?P<authority>[^/?#]*))?(?P<path>[^?#]*)(?:\?(?P<query>.*))?",
    re.DOTALL,
)
_FULL = re.compile(r"//(?://|/?(?!/))")
# Not the # of a fragment, which would mean nothing here: passwords hold it.
_SAFE = ";/?:@&=+$,-_.!~*'()%"
_SAFE_PATH = _SAFE.replace("?", "")
_SAFE_USER = "!$'()*,;:._~%-+=&"

# All spellings of an engine mean one section of the configuration.
_SPELLINGS = {
    "pg": "pg postgres postgresql pgsql pgxc postgresxc redshift yugabyte yugabytedb",
    "sqlite": "sqlite sqlite3",
    "mysql": "mysql maria mariadb",
    "cockroach": "cockroach cockroachdb",
    "couchdb": "couch couchdb",
    "mssql": "mssql sqlserver",
    "maxdb": "max maxdb",
    "monetdb": "monet monetdb",
    "mongodb": "mongo mongodb",
}
ENGINES = {word: key for key, words in _SPELLINGS.items() for word in words.split()}
_NO_HOST = {"sqlite", "sqlite3"}


@dataclass(frozen=True, slots=True)
class DatabaseUri:
    """
    A ``db:`` URI: ``scheme`` is the engine as spelled, None when there is none.

    ``authority`` is user, password, host and port.
    """

    prefix: str
    scheme: str | None
    authority: str | None
    path: str
    query: str | None

    @classmethod
    def parse(cls, text: str, default: str = "") -> DatabaseUri:
        """Return what a text means; any text means something."""
        text = re.sub(r"\A<(?:URL:)?(.*)>\Z", r"\1", text).strip()
        prefix, rest = "db", text
        if text[:3].lower() == "db:":
            prefix, rest = text[:2], text[3:]
        scheme = _SCHEME.match(rest)
        name = scheme[1] if scheme else default or None
        body = quote(rest[scheme.end() :] if scheme else rest, safe=_SAFE)
        parts = _PARTS.match(body)
        assert parts is not None  # it matches any text
        authority = parts["authority"]
        if authority and (name or "").lower() not in _NO_HOST:
            user, at, host = authority.rpartition("@")
            host = re.sub("%5B", "[", host, flags=re.IGNORECASE)
            authority = user + at + re.sub("%5D", "]", host, flags=re.IGNORECASE)
        return cls(prefix, name, authority, parts["path"], parts["query"])

    def __str__(self) -> str:
        scheme = f"{self.scheme}:" if self.scheme else ""
        return f"{self.prefix}:{scheme}{self.opaque}"

    @property
    def opaque(self) -> str:
        """Return what follows the engine."""
        authority = "" if self.authority is None else f"//{self.authority}"
        query = "" if self.query is None else f"?{self.query}"
        return f"{authority}{self.path}{query}"

    @property
    def engine(self) -> str | None:
        """Return the key of the engine in the configuration: pg, sqlite, ..."""
        scheme = (self.scheme or "").lower()
        return ENGINES.get(scheme, scheme) or None

    @property
    def _login(self) -> tuple[str | None, str]:
        user, at, host = (self.authority or "").rpartition("@")
        return (user if at else None), host

    @property
    def user(self) -> str | None:
        """Return the user, decoded."""
        login = self._login[0]
        return None if login is None else unquote(login.partition(":")[0])

    @property
    def password(self) -> str | None:
        """Return the password, decoded; it is empty after a lone colon."""
        _, colon, password = (self._login[0] or "").partition(":")
        return unquote(password) if colon else None

    @property
    def host(self) -> str | None:
        """Return the host, decoded, without brackets."""
        if self.authority is None:
            return None
        bare = re.sub(r":\d*\Z", "", self._login[1])
        return unquote(re.sub(r"\A\[(.*)\]\Z", r"\1", bare))

    @property
    def port(self) -> str | None:
        """Return the port that the URI states, if it does."""
        found = re.search(r":(\d*)\Z", self.authority or "")
        return found[1] if found else None

    @property
    def dbname(self) -> str:
        """Return the name of the database, decoded; it is empty when there is none."""
        segments = self.path.split("/")
        if _FULL.match(self.opaque):
            segments = segments[1:]
        return "/".join(unquote(segment) for segment in segments)

    @property
    def parameters(self) -> dict[str, str]:
        """Return what the query says; the last value of a name wins."""
        if not self.query or "=" not in self.query:
            return {}
        pairs = (pair.partition("=") for pair in re.split("[&;]", self.query))
        return {
            unquote(name.replace("+", " ")): unquote(value.replace("+", " "))
            for name, _, value in pairs
        }

    def with_part(self, part: str, value: str) -> DatabaseUri:
        """Return the URI with another user, host, port or dbname."""
        change = {
            "user": self.with_user,
            "host": self.with_host,
            "port": self.with_port,
            "dbname": self.with_dbname,
        }
        return change[part](value)

    def with_user(self, user: str) -> DatabaseUri:
        """Return the URI with another user and the same password."""
        login, host = self._login
        _, colon, password = (login or "").partition(":")
        named = quote(user, safe=_SAFE_USER.replace("%", "").replace(":", ""))
        return self._at(f"{named}{colon}{password}@{host}")

    def with_host(self, host: str) -> DatabaseUri:
        """Return the URI with another host; a port in it counts too."""
        login, old = self._login
        port = re.search(r":\d+\Z", old)
        keep = port[0] if port else ""
        if own := re.search(r"(?:\A[^:]*|\])(:\d*)\Z", host):
            keep, host = own[1], host[: own.start(1)]
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        named = quote(host, safe=_SAFE.replace("/", "").replace("?", "") + "[]")
        named = named.replace("@", "%40")
        return self._at(f"{'' if login is None else f'{login}@'}{named}{keep}")

    def with_port(self, port: str) -> DatabaseUri:
        """Return the URI with another port."""
        return self._at(f"{re.sub(r':[0-9]*$', '', self.authority or '')}:{port}")

    def with_dbname(self, name: str) -> DatabaseUri:
        """Return the URI with another database."""
        path = f"/{name}" if _FULL.match(self.opaque) else name
        path = quote(path, safe=_SAFE_PATH)
        if self.authority is not None and path and path[0] != "/":
            path = f"/{path}"
        return replace(self, path=path)

    def without_password(self) -> DatabaseUri:
        """Return the URI as people may see it: ``user:@host`` tells there was one."""
        user, colon, _ = (self.authority or "").partition(":")
        rest = self.path if self.query is None else f"{self.path}?{self.query}"
        if self.authority is None and self.engine not in ENGINES:
            # Half a URI, or conninfo: user:password@host, password=...
            rest = re.sub(r"(password(?:%20)*=).*", r"\1", rest, flags=re.DOTALL)
            return replace(self, path=rest[max(rest.rfind("@"), 0) :], query=None)
        if colon and "@" in rest and "@" not in user:
            # A / or ? of the password, not encoded, ended the authority.
            rest = rest[rest.rindex("@") :]
            return replace(self, authority=f"{user}:", path=rest, query=None)
        found = self
        if self.query and "password" in self.query:
            # What was not encoded may go on behind a separator.
            pattern = r"(?<![^&;])((?:ssl)?password)=.*?(?=[&;][a-z_]+=|\Z)"
            query = re.sub(pattern, r"\1=", self.query, flags=re.DOTALL)
            found = replace(self, query=query)
        if not self.password:
            return found
        user = (self._login[0] or "").partition(":")[0]
        host = self._login[1]
        return replace(found, authority=f"{user}:@{host}" if user else host)

    def _at(self, authority: str) -> DatabaseUri:
        path = self.path
        if path and path[0] != "/":
            path = f"/{path}"
        login, at, host = authority.rpartition("@")
        login = login.replace("@", "%40")
        return replace(self, authority=f"{login}{at}{host}", path=path)
