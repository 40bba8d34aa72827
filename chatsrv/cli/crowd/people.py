"""Who they are: made-up people of many countries, the same ones for everybody and every time."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MADE_BY: Mapping[str, Any] = {"made_by": "chatsrv demo"}
"""In the metadata of all of them: by that they are told from an app's own people."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Names as `Latin` or `Latin/own script`. There are as many first names as last names."""

    language: str
    timezone: str
    first: tuple[str, ...]
    last: tuple[str, ...]
    family_first: bool = False


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ORIGINS = (
    Origin(
        "en",
        "America/New_York",
        _names("Olivia Marcus Grace Tyler Naomi Ethan Hazel Jordan Ruby Caleb Nora Elijah"),
        _names("Carter Bennett Hughes Walker Brooks Foster Hayes Coleman Reed Sullivan Price Warren"),
    ),
    Origin(
        "ja",
        "Asia/Tokyo",
        _names(
            "Misaki/美咲 Haruto/陽翔 Yui/結衣 Sota/蒼太 Aoi/葵 Ren/蓮 Hina/陽菜 Yuto/悠斗 Sakura/さくら "
            "Kaito/海斗 Mei/芽依 Riku/陸"
        ),
        _names(
            "Tanaka/田中 Sato/佐藤 Suzuki/鈴木 Takahashi/高橋 Ito/伊藤 Watanabe/渡辺 Yamamoto/山本 "
            "Nakamura/中村 Kobayashi/小林 Kato/加藤 Yoshida/吉田 Mori/森"
        ),
        family_first=True,
    ),
    Origin(
        "pt-BR",
        "America/Sao_Paulo",
        _names("João Beatriz Thiago Camila Rafael Larissa Gustavo Fernanda Caio Letícia Vinícius Júlia"),
        _names("Silva Souza Oliveira Araújo Ribeiro Gonçalves Cardoso Nunes Teixeira Moreira Conceição Rocha"),
    ),
    Origin(
        "de",
        "Europe/Berlin",
        _names("Jürgen Lena Käthe Matthias Frieda Björn Annika Tobias Ida Florian Mareike Jonas"),
        _names("Müller Schäfer Weiß Krüger Böhm Lehmann Köhler Voigt Brandt Günther Sommer Hartmann"),
    ),
    Origin(
        "en-NG",
        "Africa/Lagos",
        _names("Chidi Adaeze Tunde Ngozi Emeka Folake Ifeanyi Yewande Obinna Amaka Segun Zainab"),
        _names("Okafor Adeyemi Nwosu Balogun Eze Ogunleye Abubakar Obi Adebayo Uche Lawal Onyeka"),
    ),
    Origin(
        "hi",
        "Asia/Kolkata",
        _names(
            "Aarav/आरव Priya/प्रिया Rohan/रोहन Ananya/अनन्या Vikram/विक्रम Meera/मीरा Arjun/अर्जुन Kavya/काव्या "
            "Nikhil/निखिल Isha/ईशा Dev/देव Lakshmi/लक्ष्मी"
        ),
        _names(
            "Sharma/शर्मा Patel/पटेल Iyer/अय्यर Reddy/रेड्डी Gupta/गुप्ता Nair/नायर Mehta/मेहता Joshi/जोशी Rao/राव "
            "Bose/बोस Kulkarni/कुलकर्णी Singh/सिंह"
        ),
    ),
    Origin(
        "es-MX",
        "America/Mexico_City",
        _names("Sofía Mateo Ximena Andrés Lucía Iñaki Valeria Joaquín Renata Sebastián Paola Emilio"),
        _names("Hernández Núñez García Domínguez Peña Velázquez Ortiz Muñoz Castañeda Ríos Salazar Ibáñez"),
    ),
    Origin(
        "pl",
        "Europe/Warsaw",
        _names("Łukasz Zofia Paweł Małgorzata Jędrzej Agnieszka Stanisław Kinga Michał Żaneta Wojciech Hania"),
        _names("Wójcik Kowalczyk Dąbrowski Zając Wiśniewski Kaźmierczak Mazur Pawlak Sikora Jabłoński Górski Lis"),
    ),
    Origin(
        "ar",
        "Africa/Cairo",
        _names(
            "Omar/عمر Layla/ليلى Youssef/يوسف Mariam/مريم Karim/كريم Nour/نور Hassan/حسن Salma/سلمى "
            "Tarek/طارق Farida/فريدة Amir/أمير Dina/دينا"
        ),
        _names(
            "Haddad/حداد Mansour/منصور Farouk/فاروق Nasser/ناصر Khalil/خليل Shaheen/شاهين Zaki/زكي "
            "Rahman/رحمن Aziz/عزيز Sabry/صبري Fahmy/فهمي Kamel/كامل"
        ),
    ),
    Origin(
        "ko",
        "Asia/Seoul",
        _names(
            "Minjun/민준 Seoyeon/서연 Jiho/지호 Haeun/하은 Dohyun/도현 Yuna/유나 Junseo/준서 Soyoon/소윤 "
            "Taeyang/태양 Jimin/지민 Hyunwoo/현우 Nari/나리"
        ),
        _names("Kim/김 Lee/이 Park/박 Choi/최 Jung/정 Kang/강 Cho/조 Yoon/윤 Jang/장 Lim/임 Han/한 Shin/신"),
        family_first=True,
    ),
    Origin(
        "sv",
        "Europe/Stockholm",
        _names("Åsa Björn Linnéa Göran Maja Sören Ebba Håkan Elsa Nils Tuva Axel"),
        _names("Lindström Sjöberg Bergqvist Åkesson Nyström Forsberg Hedlund Öberg Sandström Ekman Wallin Norén"),
    ),
    Origin(
        "uk",
        "Europe/Kyiv",
        _names(
            "Oksana/Оксана Taras/Тарас Iryna/Ірина Bohdan/Богдан Daryna/Дарина Andriy/Андрій "
            "Solomiya/Соломія Mykola/Микола Yaryna/Ярина Ostap/Остап Lesia/Леся Danylo/Данило"
        ),
        _names(
            "Shevchenko/Шевченко Kovalenko/Коваленко Bondar/Бондар Melnyk/Мельник Tkachuk/Ткачук "
            "Lysenko/Лисенко Moroz/Мороз Kravets/Кравець Savchuk/Савчук Hnatiuk/Гнатюк Panchenko/Панченко "
            "Rudenko/Руденко"
        ),
    ),
)

TEAMS = ("Support", "Engineering", "Design", "Sales", "Operations", "Finance", "People", "Research")
LETTERS = str.maketrans({"ł": "l", "ß": "ss", "ø": "o", "đ": "d", "æ": "ae", "ı": "i"})
PEOPLE_MAX = sum(len(origin.first) * len(origin.last) for origin in ORIGINS)
ADMIN_EVERY, AGENT_EVERY = 40, 3


def make_people(count: int) -> list[dict[str, Any]]:
    """The first of them, as values of users; whoever asks for more gets the same ones and others."""
    return [_make(number) for number in range(min(count, PEOPLE_MAX))]


def _make(number: int) -> dict[str, Any]:
    origin, turn = ORIGINS[number % len(ORIGINS)], number // len(ORIGINS)
    first, own_first = _pick(origin.first, turn)
    # each time round, the first names meet other last names
    last, own_last = _pick(origin.last, turn + turn // len(origin.first))
    whole = f"{own_last} {own_first}" if origin.family_first else f"{own_first} {own_last}"
    return {
        "username": f"{_in_ascii(first)}.{_in_ascii(last)}",
        "first_name": first,
        "last_name": last,
        "name": whole,
        "role": _role(number),
        "language": origin.language,
        "timezone": origin.timezone,
        "metadata": {**MADE_BY, "team": TEAMS[(turn + number) % len(TEAMS)]},
    }


def _pick(names: tuple[str, ...], turn: int) -> tuple[str, str]:
    latin, _, own = names[turn % len(names)].partition("/")
    return latin, own or latin


def _role(number: int) -> str:
    if number % ADMIN_EVERY == 0:
        return "admin"
    return "user" if number % AGENT_EVERY else "agent"


def _in_ascii(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name.lower().translate(LETTERS))
    return "".join(letter for letter in folded if letter.isascii())
