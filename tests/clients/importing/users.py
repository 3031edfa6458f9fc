"""Ana with an authenticator, Bo who only began to set one up, Cy without a password, and one who is
not active: for `manage.py shell` to run. What dumpdata wrote of them once is
tests/vectors/exports/django.json."""

from django.contrib.auth.models import User
from django_otp.plugins.otp_totp.models import TOTPDevice

PASSWORD = "correct horse battery"
KEY = "9f1c0be2d47a8856a3d0e1b2c3f4a5968778695a"
ana = User.objects.create_user("ana", "ana@example.com", PASSWORD)
ana.first_name, ana.last_name = "Ana", "Lovelace"
ana.save()
bo = User.objects.create_user("bo", "bo@example.com", PASSWORD)
User.objects.create_user("cy", "cy@example.com", None)
User.objects.create_user("gone", "gone@example.com", PASSWORD, is_active=False)
TOTPDevice.objects.create(user=ana, name="phone", key=KEY, digits=8, step=60)
TOTPDevice.objects.create(user=bo, name="begun", key=KEY, confirmed=False)
