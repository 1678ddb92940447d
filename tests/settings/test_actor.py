"""Who acts is told by the system, and safe to show."""

import os
import pwd
import socket

from pqcore.actor import Actor, current


def test_the_system_names_user_and_host_whatever_the_environment_says() -> None:
    actor = current({"USER": "somebody", "LOGNAME": "somebody"})
    assert actor.user == pwd.getpwuid(os.getuid()).pw_name
    assert actor.host == socket.gethostname()
    assert actor.ssh_client is None


def test_the_ssh_client_is_the_address_sshd_gave() -> None:
    assert current({"SSH_CONNECTION": "203.0.113.9 50122 192.0.2.1 22"}).ssh_client == "203.0.113.9"
    assert current({"SSH_CLIENT": "2001:db8::7 50122 22"}).ssh_client == "2001:db8::7"


def test_a_forged_ssh_client_brings_no_escape_sequence() -> None:
    assert current({"SSH_CONNECTION": "\x1b]0;x\x07203.0.113.9 1 2 3"}).ssh_client == "203.0.113.9"
    assert current({"SSH_CONNECTION": "\x1b[2J"}).ssh_client is None


def test_it_reads_as_one_line() -> None:
    assert str(Actor("ann", "db1", "203.0.113.9")) == "ann@db1 from 203.0.113.9"
    assert str(Actor("ann", "db1")) == "ann@db1"
