"""A Django project is set up before its modules are imported."""

from __future__ import annotations

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.shims.django_settings"
django.setup()
