"""Django's manage.py, of a project that is this file: users as django.contrib.auth and django-otp
keep them, in django.sqlite3 where it is called."""

import sys

import django
from django.conf import settings
from django.core.management import execute_from_command_line

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django_otp",
        "django_otp.plugins.otp_totp",
    ],
    USE_TZ=True,
)
django.setup()
execute_from_command_line(sys.argv)
