"""Small files of series, sensors and recordings like those that people have: what each is taken for, and by what."""

from __future__ import annotations

import datetime
import json
import math

from data.readers.recognised import DAYS, MONTHS, File, wave

HOURS = [datetime.datetime(2023, 1, 1) + datetime.timedelta(hours=hour) for hour in range(120)]


def lines(head: str, *rows: str) -> str:
    return "\n".join((head, *rows)) + "\n"


def wide(head: str, names: tuple[str, ...], steps: list[str], start: str = "", between: str = ",") -> str:
    values = between.join(f"{wave(at):.1f}" for at in range(len(steps)))
    return lines(start + head + between + between.join(steps), *(name + between + values for name in names))


def marked(calm: str, odd: str, head: str = "timestamp,value,label") -> str:
    rows = (f"{hour},{wave(at):.2f},{odd if at in (50, 51, 90) else calm}" for at, hour in enumerate(HOURS))
    return lines(head, *rows)


def hourly(stamp: str, head: str, row: str = "{time},{value:.2f}") -> str:
    return lines(head, *(row.format(time=hour.strftime(stamp), value=wave(at)) for at, hour in enumerate(HOURS)))


def archive(between: str, kind: str, rows: int = 40) -> str:
    shapes = (
        between.join([kind.format(1 + row % 2), *(f"{math.sin(at / (3 + row % 2)):.7e}" for at in range(30))])
        for row in range(rows)
    )
    return "".join(line + "\n" for line in shapes)


SERIES = [
    # Several series in one table.
    File(
        "favourite.csv",
        lines(
            "id,date,store_nbr,family,sales,onpromotion",
            *(
                f"{at * 4 + n},{day},{1 + n % 2},{('BREAD', 'EGGS')[n // 2]},{wave(at) + n:.0f},{at % 3}"
                for at, day in enumerate(DAYS)
                for n in range(4)
            ),
        ),
        "forecast",
        "times that come once for each pair of names",
        {"store_nbr": "number"},
        "'sales' over 'date', a series for each 'store_nbr' and 'family'",
    ),
    File(
        "weekly.csv",
        lines(
            "Store,Dept,Date,Weekly_Sales,IsHoliday",
            *(
                f"{1 + n % 2},{1 + n // 2},{day},{wave(at) * 1000 + n:.2f},FALSE"
                for n in range(6)
                for at, day in enumerate(DAYS)
            ),
        ),
        "forecast",
        "the same where the names are numbers",
        {},
        "a series for each 'Store' and 'Dept'",
    ),
    File(
        "stores_days.csv",
        lines(
            "Store,DayOfWeek,Date,Sales,Customers,Open",
            *(
                f"{store},{at % 7 + 1},{day},{wave(at) * 100 + store:.0f},{wave(at) * 9:.0f},1"
                for at, day in enumerate(DAYS)
                for store in (1, 2, 3)
            ),
        ),
        "forecast",
        "the one column that is called as what is forecast",
        {},
        "'Sales' over 'Date', a series for each 'Store'; not used: DayOfWeek, Customers, Open",
    ),
    File(
        "melted.csv",
        lines(
            "id,item,d,units",
            *(f"A{n}_X,A{n},d_{at + 1},{wave(at) + n:.0f}" for n in range(3) for at in range(60)),
        ),
        "forecast",
        "a word with a number that counts the steps of each name",
        {},
        "over 'd', a series for each 'id'",
    ),
    File(
        "panel.csv",
        lines("unique_id,ds,y", *(f"H{n},{at + 1},{wave(at) + n:.1f}" for n in range(4) for at in range(40 + n))),
        "forecast",
        "numbers that count the steps of each name",
        {},
        "over 'ds', a series for each 'unique_id'",
    ),
    File(
        "stations.csv",
        lines(
            "No,year,month,day,hour,dust,station",
            *(
                f"{at + 1},{hour.year},{hour.month},{hour.day},{hour.hour},{wave(at):.1f},{name}"
                for name in ("Dingling", "Huairou")
                for at, hour in enumerate(HOURS)
            ),
        ),
        "forecast",
        "year, month, day and hour, once for each name",
        {},
        "'year' and 'month' and 'day' and 'hour', a series for each 'station'",
    ),
    # One series per row.
    File(
        "world_bank.csv",
        wide(
            '"Country Name","Country Code","Indicator Name","Indicator Code"',
            ('"Chile","CHL","Population, total","SP"', '"Korea, Rep.","KOR","Population, total","SP"') * 1
            + ('"France","FRA","Population, total","SP"',),
            [f'"{year}"' for year in range(1970, 2020)],
            '"Data Source","World Development Indicators",\n\n"Last Updated Date","2024-06-28",\n\n',
        ),
        "forecast",
        "years behind several columns of names; lines above with far fewer cells",
        {"1970": "number"},
        "named by 'Country Name', with the steps 1970 to 2019",
    ),
    File(
        "provinces.csv",
        wide(
            "Province,Country,Lat,Long",
            (",Chad,15.4,18.7", "Alberta,Canada,53.9,-116.5", "Ontario,Canada,51.2,-85.3"),
            [f"{day.month}/{day.day}/{day:%y}" for day in DAYS],
        ),
        "forecast",
        "dates behind names and places; two columns name a row together",
        {},
        "named by 'Province' and 'Country', with the steps 1/1/23 to 3/1/23",
    ),
    File(
        "products.csv",
        wide(
            "id,item_id,cat_id,store_id",
            tuple(f"FOODS_{n}_CA_1,FOODS_{n},FOODS,CA_{n % 2}" for n in range(5)),
            [f"d_{day}" for day in range(1, 61)],
        ),
        "forecast",
        "numbered steps behind names, and no class",
        {},
        "named by 'id', with the steps d_1 to d_60",
    ),
    File(
        "births.csv",
        wide(
            '"지역","항목","단위"',
            ('"서울","출생아수","명"', '"부산","출생아수","명"'),
            [f"{m:%Y.%m} 월" for m in MONTHS],
        ),
        "forecast",
        "months as Korea's statistical office writes them",
        {},
        "named by '지역', with the steps 2018.01 월 to 2020.06 월",
    ),
    File(
        "lists.jsonl",
        "".join(
            json.dumps({"start": "2020-01-01", "target": [wave(at) + n for at in range(60)], "item_id": f"T{n}"}) + "\n"
            for n in range(4)
        ),
        "forecast",
        "a list called target in every row, as GluonTS has it",
        {"target": "series 1"},
        "named by 'item_id', in 'target'",
    ),
    File(
        "monthly.tsf",
        "# Monash\n@relation x\n@attribute series_name string\n@frequency monthly\n@horizon 6\n@data\n"
        + "".join(f"T{n}:" + ",".join(f"{wave(at):.2f}" for at in range(60)) + "\n" for n in range(3)),
        "forecast",
        "lines with @ above series",
        {"target": "series 1"},
        "named by 'series_name', in 'target'",
    ),
    # Times.
    File(
        "spreadsheet.csv",
        lines("Date,Sales", *(f"{44927 + at},{wave(at):.2f}" for at in range(60))),
        "forecast",
        "days since 1899 under the name of a date",
        {"Date": "number"},
        "'Date' holds days of a spreadsheet: 44927 is 2023-01-01",
    ),
    File(
        "whole_hours.csv",
        hourly("%Y-%m-%d %H", "date_time,load"),
        "forecast",
        "a date and an hour",
        {"date_time": "time year-month-day short hour"},
    ),
    File(
        "channel.csv",
        hourly("%Y-%m-%d %H:%M:%S UTC", "created_at,entry_id,field1", "{time},1,{value:.2f}"),
        "forecast",
        "the name of a zone behind the time",
        {"created_at": "time year-month-day with zone"},
    ),
    File(
        "intervals.csv",
        lines(
            '"Time (CET/CEST)","Actual Total Load [MW] - BZN|DE"',
            *(
                f'"{hour:%d.%m.%Y %H:%M} - {hour + datetime.timedelta(hours=1):%d.%m.%Y %H:%M}","{wave(at):.0f}"'
                for at, hour in enumerate(HOURS)
            ),
        ),
        "forecast",
        "two times with a dash between them; marks in names",
        {"Time (CET/CEST)": "time day.month.year hour:minute to the next"},
    ),
    File(
        "stamps_ms.csv",
        lines("value,timestamp_ms", *(f"{wave(at):.2f},{1704067200000 + at * 250}" for at in range(80))),
        "forecast",
        "a time stamp among other words of a name",
        {},
        "'timestamp_ms' holds milliseconds since 1970: 1704067200000 is 2024-01-01",
    ),
    # Heads of several lines.
    File(
        "prices.csv",
        lines(
            "Price,Close,High,Volume",
            "Ticker,ACME,ACME,ACME",
            "Date,,,",
            *(f"{day},{wave(at):.2f},{wave(at) + 1:.2f},{1000 + at}" for at, day in enumerate(DAYS)),
        ),
        "forecast",
        "three lines of names above numbers",
        {"Close": "number", "Date": "time year-month-day"},
        "over 'Date'",
    ),
    File(
        "levels.csv",
        lines(
            ",ACME,ACME,MEGA",
            ",Close,Volume,Close",
            "Date,,,",
            *(f"{day},1{at},2{at},3{at}" for at, day in enumerate(DAYS)),
        ),
        "forecast",
        "names that come again are joined with those below them",
        {"ACME Close": "number", "MEGA Close": "number"},
    ),
    File(
        "units.csv",
        lines("Time,Temp,Pressure", "[s],[degC],[bar]", *(f"{at / 2},{wave(at):.2f},3.{at}" for at in range(60))),
        "forecast",
        "units below the names",
        {"Temp": "number"},
        "over 'Time'",
    ),
    File(
        "logger.dat",
        lines(
            '"TOA5","CR1000","CR1000","1234","Std.32","CPU:a.CR1","111","Table1"',
            '"TIMESTAMP","RECORD","AirTC_Avg"',
            '"TS","RN","Deg C"',
            '"","","Avg"',
            *(f'"{hour}",{at},{wave(at):.2f}' for at, hour in enumerate(HOURS)),
        ),
        "forecast",
        "a line that says what the logger is; units below the names",
        {"AirTC_Avg": "number"},
        "over 'TIMESTAMP'",
    ),
    File(
        "flux.csv",
        lines(
            "#group,false,false,true,true,false,false",
            "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double",
            "#default,_result,,,,,",
            ",result,table,_start,_stop,_time,_value",
            *(
                f",,0,2023-01-01T00:00:00Z,2023-02-01T00:00:00Z,{h:%Y-%m-%dT%H:%M:%SZ},{wave(a):.2f}"
                for a, h in enumerate(HOURS)
            ),
        ),
        "forecast",
        "lines with # above the names; times that are the same in every row are none",
        {},
        "over '_time'",
    ),
    File(
        "passengers.csv",
        lines("Month,#Passengers", *(f"{month:%Y-%m},{wave(at):.0f}" for at, month in enumerate(MONTHS))),
        "forecast",
        "a name may begin with #",
        {"#Passengers": "number"},
    ),
    File(
        "meters.txt",
        lines(
            '"";"MT_001";"MT_002"',
            *(f'"{h}";{wave(a):.6f};{wave(a):.6f}'.replace(".", ",") for a, h in enumerate(HOURS)),
        ),
        "forecast",
        "numbers with semicolons between them, whatever the file is called",
        {"MT_001": "number 1234,5"},
    ),
    File(
        "dollars.csv",
        lines("Month;Revenue", *(f'{month:%d.%m.%Y};"$ {wave(at) * 1e5:,.2f}"' for at, month in enumerate(MONTHS))),
        "forecast",
        "quotes around the cells of a column and not around its name",
        {"Revenue": "number currency 1,234.5"},
    ),
    # Labels.
    File(
        "words.csv", marked("normal", "anomaly"), "detect", "normal and anomaly", {}, "'label' says where anomalies are"
    ),
    File(
        "truth.csv",
        marked("False", "True", "timestamp,value,is_anomaly"),
        "detect",
        "True and False under a name that asks",
        {},
        "'is_anomaly' says",
    ),
    File("plant.csv", marked("Normal", "Attack", "Timestamp,flow,Normal/Attack"), "detect", "Normal and Attack"),
    File("pump.csv", marked("NORMAL", "BROKEN", "timestamp,sensor,machine_status"), "detect", "NORMAL and BROKEN"),
    File("line_ko.csv", marked("정상", "이상", "시간,값,상태"), "detect", "정상 and 이상"),
    File("isolated.csv", marked("1", "-1", "timestamp,value,anomaly"), "detect", "1 and -1, as scikit-learn has them"),
    File("rare.csv", marked("0", "1"), "detect", "few ones under `label`, beside times"),
    # Classes of series.
    File(
        "gun_TRAIN.txt",
        archive("  ", "  {:.7e}"),
        "classify",
        "whole numbers with exponents before each series",
        {"column1": "number"},
        "the class in 'column1'",
    ),
    File("gun_TRAIN.tsv", archive("\t", "{:.7e}"), "classify", "the same with tabs", {}, "the class in 'column1'"),
    File(
        "beats.csv",
        "".join(
            ",".join([*(f"{abs(math.sin(at / (3 + row % 3))):.18e}" for at in range(30)), f"{row % 3:.18e}"]) + "\n"
            for row in range(45)
        ),
        "classify",
        "the same behind each series",
        {},
        "the class in 'column31'",
    ),
    File(
        "seizures.csv",
        lines(
            '"",' + ",".join(f"X{at}" for at in range(1, 31)) + ",y",
            *(
                f"X21.V{r}," + ",".join(f"{wave(a + r) * 9:.0f}" for a in range(30)) + f",{1 + r % 5}"
                for r in range(50)
            ),
        ),
        "classify",
        "a class behind numbered steps",
        {},
        "the class in 'y'",
    ),
]
