"""Words that long common passwords are put together from, and the runs that fingers follow.

Made by hand from what every published analysis agrees on; no leaked list is copied.
"""

from typing import Final

COMMON_WORDS: Final = frozenset(
    (  # noqa: SIM905 - a text of words reads better than three hundred literals
        # About passwords themselves.
        "password passwort passcode passphrase passwd motdepasse contrasena parola senha "
        "secret secure security letmein letmeinplease openup opensesame login logon signin "
        "access admin administrator root user guest test testing tester default temp temporary "
        "changeme changethis changeit newpassword mypassword thisismypassword nopassword "
        "welcome hello hallo please enter qwerty qwertz azerty asdf zxcvbn "
        # What people like to say.
        "iloveyou loveyou love lovely forever always never baby babygirl angel princess prince "
        "sunshine rainbow flower butterfly monkey dragon tiger kitten puppy unicorn pokemon "
        "football baseball basketball soccer hockey liverpool chelsea arsenal barcelona "
        "superman batman spiderman starwars master hunter shadow killer freedom whatever trustno "
        "summer winter spring autumn january february march april june july august september "
        "october november december monday tuesday wednesday thursday friday saturday sunday "
        "happy birthday christmas family mother father money computer internet samsung google "
        "facebook microsoft company "
        # Phrases from examples that everybody has seen.
        "correcthorsebatterystaple correct horse battery staple thequickbrownfox quick brown fox "
        "jumps over lazy dog tobeornottobe question loremipsumdolorsitamet lorem ipsum dolor "
        "maytheforcebewithyou openthedoor ilovemyfamily letmeinnow iamtheadmin "
        # The glue between them.
        "the and this that for with you your my mine our are was not yes is it am im to be or of "
        "in on at me we do so no an a i"
    ).split()
)

RUNS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
)
