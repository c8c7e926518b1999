"""Django: a model in SQLite, queries, a form, a template and views asked by the test client."""

import tempfile
from pathlib import Path

import django
from django.conf import settings

_FOLDER = tempfile.TemporaryDirectory()
settings.configure(
    DEBUG=False,
    SECRET_KEY="known",
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(_FOLDER.name) / "site.sqlite3"}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)
django.setup()

from django import forms  # noqa: E402 - settings come first
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.template import engines  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402


class _Form(forms.Form):
    name = forms.SlugField(max_length=20)
    age = forms.IntegerField(min_value=0)


def _people(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    page = engines["django"].from_string("{% for person in people %}<p>{{ person.username }}</p>{% endfor %}")
    return HttpResponse(page.render({"people": User.objects.order_by("username")[:20]}))


def _check(request):
    form = _Form(request.POST)
    return JsonResponse({"ok": form.is_valid(), "errors": form.errors})


urlpatterns = [path("people", _people), path("check", _check)]


def main():
    """Migrate, fill, ask."""
    call_command("migrate", verbosity=0)
    User.objects.all().delete()
    User.objects.bulk_create([User(username=f"person{number:03}") for number in range(300)])
    User.objects.create_user("someone", password="secret")
    assert User.objects.filter(username__startswith="person1").count() == 100
    client = Client()
    for _ in range(60):
        assert client.get("/people").content.count(b"<p>person") == 20
    assert client.post("/check", {"name": "a-b", "age": 3}).json()["ok"]
    assert "age" in client.post("/check", {"name": "a b", "age": -1}).json()["errors"]
    assert User.objects.get(username="someone").check_password("secret")


if __name__ == "__main__":
    main()
