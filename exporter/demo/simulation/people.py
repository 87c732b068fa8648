"""Names of invented people."""

# fmt: off
FIRST_NAMES = (
    "Ada", "Alan", "Barbara", "Chidi", "Claude", "Dana", "Edsger", "Emma", "Fatima", "Frances", "Goro", "Grace",
    "Hana", "Hedy", "Ines", "Ivan", "Jean", "John", "Kavya", "Ken", "Lena", "Leslie", "Li", "Margaret", "Maya",
    "Niklaus", "Noor", "Olga", "Omar", "Priya", "Radia", "Rosa", "Sofia", "Tariq", "Tim", "Uma", "Vera", "Wei",
    "Yuki", "Zoe",
)
LAST_NAMES = (
    "Almeida", "Backus", "Bell", "Cerf", "Chen", "Curie", "Diaz", "Engel", "Fischer", "Garcia", "Haddad", "Hopper",
    "Ito", "Jansen", "Kay", "Khan", "Knuth", "Lamarr", "Lee", "Lovelace", "Martin", "Meyer", "Moore", "Nakamura",
    "Noether", "Okafor", "Park", "Patel", "Perlman", "Quist", "Rossi", "Sato", "Shannon", "Silva", "Tanaka", "Turing",
    "Usman", "Vaughan", "Wirth", "Young",
)
# fmt: on


def person_name(position: int) -> tuple[str, str]:
    """A first and a last name; the pairs differ for the first 1600 positions, then the last name is numbered."""
    lap, within = divmod(position, len(FIRST_NAMES) * len(LAST_NAMES))
    first = FIRST_NAMES[within % len(FIRST_NAMES)]
    last = LAST_NAMES[(within // len(FIRST_NAMES) + within) % len(LAST_NAMES)]
    return first, f"{last}{lap + 1}" if lap else last
