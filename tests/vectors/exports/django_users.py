#!/usr/bin/env python3
"""Makes django.json: what `manage.py dumpdata auth.user otp_totp.totpdevice` writes.

Not part of any test run, as the salts are random: what it wrote once is what is tested.

    pip install Django==5.2.19 django-otp==1.7.5
    python django_users.py > django.json
"""

import sys

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
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

from django.contrib.auth.models import User  # noqa: E402 (needs the settings)
from django.core.management import call_command  # noqa: E402
from django_otp.plugins.otp_totp.models import TOTPDevice  # noqa: E402

PASSWORD = "correct horse battery"
KEY = "9f1c0be2d47a8856a3d0e1b2c3f4a5968778695a"


def user(name, password, **more):
    return User.objects.create_user(name, f"{name}@example.com", password, **more)


call_command("migrate", verbosity=0)
ana = user("ana", PASSWORD, first_name="Ana", last_name="Lovelace")
TOTPDevice.objects.create(user=ana, name="phone", key=KEY, digits=8, step=60)
bo = user("bo", PASSWORD)
TOTPDevice.objects.create(user=bo, name="begun", key=KEY, confirmed=False)
user("cy", None)
user("gone", PASSWORD, is_active=False)
call_command("dumpdata", "auth.user", "otp_totp.totpdevice", stdout=sys.stdout)
